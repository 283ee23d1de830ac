//! Policies of Google Cloud go in; bindings, statements, members and strangers come out.

use super::super::json;
use super::super::make::{
    Answer, arg, list, map, member, names, param, record, row, strings, text,
};
use crate::expr::api::{Call, EvalError, Host};
use crate::model::{Seq, Val};

const POLICY: &str = "https://cloud.google.com/iam/docs/reference/rest/v1/Policy";
/// That nobody can put a condition on a grant to everyone, and how conditions are written.
const CONDITIONS: &str = "https://cloud.google.com/iam/docs/conditions-overview";
const PRINCIPALS: &str = "https://cloud.google.com/iam/docs/principal-identifiers";

/// Functions on policies of Google Cloud.
pub(in super::super) const HOSTS: &[Host] = &[
    row(
        "gcp.bindings",
        &[param("policy", "dyn")],
        "list<dyn>",
        "The bindings of an IAM policy as maps {role, members, condition}, with `*` for allUsers and `authenticated` for allAuthenticatedUsers.",
        r#"gcp.bindings({"bindings": [{"role": "r", "members": ["allUsers"]}]})[0].members == ["*"]"#,
        POLICY,
        bindings,
    ),
    row(
        "gcp.members",
        &[param("policy", "dyn"), param("role", "string")],
        "list<principal>",
        "Who holds that role by an IAM policy, with or without a condition.",
        r#"gcp.members({"bindings": [{"role": "roles/owner", "members": ["user:a@example.com"]}]}, "roles/owner") == ["user:a@example.com"]"#,
        POLICY,
        members,
    ),
    row(
        "gcp.public",
        &[param("policy", "dyn")],
        "list<string>",
        "The roles that an IAM policy gives to allUsers or allAuthenticatedUsers, which no condition can narrow.",
        r#"gcp.public({"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]}) == ["roles/viewer"]"#,
        CONDITIONS,
        public,
    ),
    row(
        "gcp.statements",
        &[param("policy", "dyn")],
        "list<statement>",
        "The bindings of an IAM policy as statements: each allows its role, as the one action, to its members; a condition stands in `conditions` and keeps nobody out by itself.",
        r#"gcp.statements({"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]})[0].principals == ["*"]"#,
        CONDITIONS,
        statements,
    ),
    row(
        "gcp.external_to",
        &[param("policy", "dyn"), param("own", "list<string>")],
        "list<principal>",
        "The members that belong to none of these mail domains, project ids and project numbers, and everyone as `*` or `authenticated`; Google's own service agents and deleted members do not count, and of a project's number nobody can tell while no number is given.",
        r#"gcp.external_to({"bindings": [{"role": "roles/viewer", "members": ["user:a@example.com", "user:b@example.org"]}]}, ["example.com"]) == ["user:b@example.org"]"#,
        PRINCIPALS,
        external_to,
    ),
];

/// A binding, opened.
struct Binding<'a> {
    role: &'a str,
    members: Vec<&'a str>,
    condition: Val<'a>,
}

/// The bindings of a policy; `None` where it cannot be read.
fn read<'a>(call: &Call<'a, '_>, policy: Val<'a>) -> Result<Option<Vec<Binding<'a>>>, EvalError> {
    let policy = match policy {
        Val::Str(text) => match json::open(call, text)? {
            Some(opened) => opened,
            None => return Ok(None),
        },
        other => other,
    };
    let listed = match policy {
        Val::Map(entries) => match policy.get("bindings") {
            // Without bindings a policy is empty, but not everything without bindings is one.
            Val::Unsaid if entries.is_empty() || is_policy(policy) => return Ok(Some(Vec::new())),
            listed => listed,
        },
        other => other,
    };
    let Val::List(seq) = listed else { return Ok(None) };
    if !seq.whole {
        return Ok(None);
    }
    call.charge(seq.items.len())?;
    let mut found = Vec::with_capacity(seq.items.len());
    for item in seq.items {
        let Some(role) = item.get("role").as_str() else { return Ok(None) };
        let Some(names) = strings(call, item.get("members"))? else { return Ok(None) };
        let members = names.into_iter().map(principal).collect();
        found.push(Binding { role, members, condition: item.get("condition") });
    }
    Ok(Some(found))
}

fn is_policy(value: Val<'_>) -> bool {
    member(value, &["etag", "version", "auditConfigs"]).is_present()
}

fn principal(member: &str) -> &str {
    match member {
        "allUsers" => "*",
        "allAuthenticatedUsers" => "authenticated",
        other => other,
    }
}

fn bindings<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = arg(args, 0);
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let Some(found) = read(call, policy)? else { return Ok(Val::Unknown) };
    let items: Vec<Val<'a>> = found
        .into_iter()
        .map(|binding| {
            let members: Vec<Val<'a>> = binding.members.into_iter().map(Val::Str).collect();
            map(
                call,
                &[
                    ("role", Val::Str(binding.role)),
                    ("members", list(call, &members)),
                    ("condition", binding.condition),
                ],
            )
        })
        .collect();
    Ok(list(call, &items))
}

fn members<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(role) = arg(args, 1).as_str() else {
        return Err(EvalError::Type("a role is text"));
    };
    select(call, arg(args, 0), |binding| {
        if binding.role == role { binding.members.clone() } else { Vec::new() }
    })
}

fn public<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    select(call, arg(args, 0), |binding| {
        let open = binding.members.iter().any(|member| matches!(*member, "*" | "authenticated"));
        if open { vec![binding.role] } else { Vec::new() }
    })
}

/// What each binding of the policy gives, sorted, once each.
fn select<'a>(
    call: &Call<'a, '_>,
    policy: Val<'a>,
    of: impl Fn(&Binding<'a>) -> Vec<&'a str>,
) -> Answer<'a> {
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let Some(bindings) = read(call, policy)? else { return Ok(Val::Unknown) };
    let mut found: Vec<&'a str> = bindings.iter().flat_map(of).collect();
    found.sort_unstable();
    found.dedup();
    let items: Vec<Val<'a>> = found.into_iter().map(Val::Str).collect();
    Ok(list(call, &items))
}

fn statements<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = arg(args, 0);
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let Some(found) = read(call, policy)? else { return Ok(Val::Unknown) };
    let mut items = Vec::with_capacity(found.len());
    for binding in found {
        let members: Vec<Val<'a>> = binding.members.into_iter().map(Val::Str).collect();
        let conditions = match binding.condition.get("expression") {
            expression @ Val::Str(_) => {
                map(call, &[("Expression", map(call, &[("cel", expression)]))])
            }
            _ => Val::Unsaid,
        };
        items.push(record(
            call,
            "statement",
            &[
                ("effect", Val::Str("allow")),
                ("principals", list(call, &members)),
                ("actions", list(call, &[Val::Str(binding.role)])),
                ("resources", list(call, &[Val::Str("*")])),
                ("conditions", conditions),
            ],
        )?);
    }
    Ok(list(call, &items))
}

/// Whose a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home<'m> {
    /// Everyone's.
    Everyone,
    /// Of that mail domain, project id or project number.
    Of(&'m str),
    /// Google's, nobody's any more, or of an organization that the name does not tell.
    Nobody,
}

/// <https://cloud.google.com/iam/docs/principal-identifiers>; the names of service agents:
/// <https://cloud.google.com/iam/docs/service-account-types>
fn home(name: &str) -> Home<'_> {
    if matches!(name, "*" | "authenticated") {
        return Home::Everyone;
    }
    if let Some(project) = name.split_once("://iam.googleapis.com/projects/") {
        return project.1.split('/').next().map_or(Home::Nobody, Home::Of);
    }
    let Some((kind, who)) = name.split_once(':') else { return Home::Nobody };
    match kind {
        "domain" | "projectOwner" | "projectEditor" | "projectViewer" => Home::Of(who),
        "user" | "group" => who.rsplit_once('@').map_or(Home::Nobody, |(_, at)| Home::Of(at)),
        "serviceAccount" => program(who),
        _ => Home::Nobody,
    }
}

/// The project of a service account.
fn program(mail: &str) -> Home<'_> {
    if let Some((project, _)) = mail.split_once(".svc.id.goog") {
        return Home::Of(project);
    }
    let Some((local, host)) = mail.rsplit_once('@') else { return Home::Nobody };
    match host {
        "appspot.gserviceaccount.com" | "cloudservices.gserviceaccount.com" => Home::Of(local),
        "developer.gserviceaccount.com" => Home::Of(local.trim_end_matches("-compute")),
        host => match host.strip_suffix(".iam.gserviceaccount.com") {
            Some(project) if !is_agent(local, project) => Home::Of(project),
            _ => Home::Nobody,
        },
    }
}

/// `service-123@gcp-sa-pubsub`, `service-123@compute-system`: Google's own.
fn is_agent(local: &str, project: &str) -> bool {
    let numbered = local.strip_prefix("service-").is_some_and(is_number);
    numbered || project.starts_with("gcp-sa-")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn external_to<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = arg(args, 0);
    if matches!(policy, Val::Unsaid | Val::None) {
        return Ok(policy);
    }
    let (own, own_known) = names(call, arg(args, 1))?;
    let mut own: Vec<String> = own.iter().map(|name| name.to_ascii_lowercase()).collect();
    own.sort_unstable();
    let numbered = own.iter().any(|name| is_number(name));
    let Some(bindings) = read(call, policy)? else { return Ok(Val::Unknown) };
    let mut whole = own_known;
    let mut found: Vec<&'a str> = Vec::new();
    for name in bindings.into_iter().flat_map(|binding| binding.members) {
        match home(name) {
            Home::Everyone => found.push(name),
            Home::Of(home) if own.binary_search(&home.to_ascii_lowercase()).is_ok() => {}
            Home::Of(home) if is_number(home) && !numbered => whole = false,
            Home::Of(_) if own_known => found.push(name),
            Home::Nobody | Home::Of(_) => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    let items: Vec<Val<'a>> = found.iter().map(|name| text(call, name)).collect();
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&items), whole }))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{ask, chain};

    /// Member, and whether it is foreign to example.com, the project p-1 and its number 1234.
    /// <https://cloud.google.com/iam/docs/principal-identifiers>
    const MEMBERS: &[(&str, bool)] = &[
        ("allUsers", true),
        ("allAuthenticatedUsers", true),
        ("user:a@example.com", false),
        ("user:a@EXAMPLE.com", false),
        ("user:a@example.com.evil.org", true),
        ("group:g@gmail.com", true),
        ("domain:example.com", false),
        ("domain:example.org", true),
        ("serviceAccount:x@p-1.iam.gserviceaccount.com", false),
        ("serviceAccount:x@p-2.iam.gserviceaccount.com", true),
        ("serviceAccount:p-2@appspot.gserviceaccount.com", true),
        ("serviceAccount:p-1.svc.id.goog[ns/sa]", false),
        ("serviceAccount:p-2.svc.id.goog[ns/sa]", true),
        ("serviceAccount:1234-compute@developer.gserviceaccount.com", false),
        ("serviceAccount:5678-compute@developer.gserviceaccount.com", true),
        ("serviceAccount:5678@cloudservices.gserviceaccount.com", true),
        ("serviceAccount:service-5678@gcp-sa-pubsub.iam.gserviceaccount.com", false),
        ("serviceAccount:service-5678@compute-system.iam.gserviceaccount.com", false),
        ("projectOwner:p-1", false),
        ("projectViewer:p-2", true),
        (
            "principalSet://iam.googleapis.com/projects/1234/locations/global/workloadIdentityPools/w/*",
            false,
        ),
        (
            "principalSet://iam.googleapis.com/projects/5678/locations/global/workloadIdentityPools/w/*",
            true,
        ),
        ("principal://iam.googleapis.com/locations/global/workforcePools/w/subject/s", false),
        ("deleted:user:a@example.org?uid=1", false),
        ("junk", false),
    ];

    fn policy(members: &str) -> String {
        format!(r#"{{"bindings": [{{"role": "roles/viewer", "members": ["{members}"]}}]}}"#)
    }

    #[test]
    fn a_member_is_foreign_by_its_domain_or_project() {
        for (member, foreign) in MEMBERS {
            let own = r#"[["example.com", "p-1", "1234"]]"#;
            let found = ask("gcp.external_to", &policy(member), own);
            assert_eq!(found != "[]", *foreign, "{member}: {found}");
        }
    }

    #[test]
    fn of_a_number_nobody_can_tell_while_none_is_given() {
        let member = "serviceAccount:5678-compute@developer.gserviceaccount.com";
        let found = ask("gcp.external_to", &policy(member), r#"[["example.com", "p-1"]]"#);
        assert_eq!(found, "[...]");
        assert_eq!(ask("gcp.external_to", "4", "[[]]"), "unknown");
        assert_eq!(ask("gcp.external_to", "null", "[[]]"), "unsaid");
    }

    #[test]
    fn bindings_become_statements_that_the_policy_functions_read() {
        let statements = r#"{"bindings": [
            {"role": "roles/storage.objectViewer", "members": ["allUsers"]},
            {"role": "roles/viewer", "members": ["user:a@example.com"], "condition": {"title": "t", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}}]}"#;
        assert_eq!(
            ask("gcp.statements", statements, "[]"),
            "[{effect=allow principals=[*] actions=[roles/storage.objectViewer] resources=[*]}, \
             {effect=allow principals=[user:a@example.com] actions=[roles/viewer] resources=[*] \
             conditions={Expression={cel=request.time < timestamp('2030-01-01T00:00:00Z')}}}]"
        );
        let asked = |name: &str| chain(&["gcp.statements", name], statements, "[]");
        assert_eq!(asked("iam.public_actions"), "[roles/storage.objectviewer]");
        assert_eq!(asked("iam.public"), "true");
        assert_eq!(ask("gcp.statements", "null", "[]"), "unsaid");
        assert_eq!(ask("gcp.statements", "4", "[]"), "unknown");
    }
}
