//! Azure resource ids and security rules go in; names, parents and canonical rules come out.
//!
//! Azure compares resource ids without regard to case, so every id and name comes out in lower
//! case: <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>

use super::make::{Answer, arg, folded, list, map, param, record, row, several, strings, text};
use super::ports::{has_ports, network, nothing, number, protocol, range, set};
use crate::expr::api::{Call, EvalError, Host};
use crate::model::Val;

const IDS: &str =
    "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules";

/// Functions on Azure's shapes.
pub(super) const HOSTS: &[Host] = &[
    row(
        "azure.parent",
        &[param("id", "string")],
        "string",
        "The id without its last type and name, in lower case; unsaid where nothing is above.",
        r#"azure.parent("/subscriptions/s/resourceGroups/g/providers/P/a/n/b/m") == "/subscriptions/s/resourcegroups/g/providers/p/a/n""#,
        IDS,
        parent,
    ),
    row(
        "azure.leaf",
        &[param("id", "string")],
        "string",
        "The last name of an id, in lower case.",
        r#"azure.leaf("/subscriptions/s/resourceGroups/G") == "g""#,
        IDS,
        leaf,
    ),
    row(
        "azure.segment",
        &[param("id", "string"), param("type", "string")],
        "string",
        "The name that follows that type in an id, in lower case; unsaid where the type is not in it.",
        r#"azure.segment("/subscriptions/S/resourceGroups/g", "subscriptions") == "s""#,
        IDS,
        segment,
    ),
    row(
        "azure.type",
        &[param("id", "string")],
        "string",
        "The type an id is of, with its namespace, in lower case; unsaid where it is of none.",
        r#"azure.type("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/b") == "microsoft.network/virtualnetworks/subnets""#,
        "https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#resourceid",
        id_type,
    ),
    row(
        "azure.level",
        &[param("id", "string")],
        "string",
        "Where in the hierarchy an id stands: `tenant`, `management_group`, `subscription`, `resource_group` or `resource`; unsaid where it is no id.",
        r#"azure.level("/subscriptions/s/resourceGroups/g") == "resource_group""#,
        "https://learn.microsoft.com/azure/role-based-access-control/scope-overview",
        level,
    ),
    row(
        "azure.assignment",
        &[param("properties", "dyn")],
        "statement",
        "A role assignment as a statement: its action is the role's name, or `*` where the role may give itself everything; its resource is the scope, or `*` from a subscription upwards.",
        r#"azure.assignment({"roleDefinitionId": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "principalId": "P", "principalType": "User", "scope": "/subscriptions/s"}).principals == ["user:p"]"#,
        "https://learn.microsoft.com/rest/api/authorization/role-assignments/get",
        assignment,
    ),
    row(
        "azure.rule",
        &[param("properties", "dyn")],
        "network_rule",
        "The rule that the properties of a security rule stand for; the other side of an outbound rule is its destination.",
        r#"azure.rule({"access": "Allow", "direction": "Inbound", "protocol": "Tcp"}).action == "allow""#,
        "https://learn.microsoft.com/rest/api/virtualnetwork/security-rules/get",
        rule,
    ),
    row(
        "azure.role",
        &[param("role_definition_id", "string")],
        "string",
        "The name of a well-known built-in role by its definition's id; of others the last part of the id in lower case.",
        r#"azure.role("/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635") == "Owner""#,
        "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles",
        role,
    ),
];

/// Built-in roles that matter to access, by the last part of their id. They are the same in
/// every tenant: <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
const ROLES: &[(&str, &str)] = &[
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
    ("00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator"),
    ("4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User"),
    ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "Storage Blob Data Owner"),
    ("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor"),
    ("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader"),
    ("9980e02c-c2be-4d73-94e8-173b1dc7cf3c", "Virtual Machine Contributor"),
    ("4d97b98b-1d4f-4787-a291-c67834d212e7", "Network Contributor"),
    ("fb1c8493-542b-48eb-b624-b4c8fea62acd", "Security Admin"),
];

fn lowered<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Result<Option<String>, EvalError> {
    call.charge(1)?;
    Ok(value.as_str().map(|id| id.trim_end_matches('/').to_ascii_lowercase()))
}

fn parent<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    let above =
        id.rsplit_once('/').and_then(|(rest, _)| rest.rsplit_once('/')).map(|(rest, _)| rest);
    // Below `providers/<namespace>` is the group or the resource that an extension hangs on.
    let above = above.map(|rest| match rest.rsplit_once('/') {
        Some((front, namespace)) if namespace.contains('.') && front.ends_with("/providers") => {
            front.trim_end_matches("/providers")
        }
        _ => rest,
    });
    Ok(above.filter(|id| !id.is_empty()).map_or(Val::Unsaid, |id| text(call, id)))
}

fn leaf<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    Ok(text(call, id.rsplit('/').next().unwrap_or(&id)))
}

fn segment<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    let Some(wanted) = arg(args, 1).as_str() else { return Ok(Val::Unsaid) };
    let mut parts = id.split('/');
    let found = parts.find(|part| part.eq_ignore_ascii_case(wanted)).and_then(|_| parts.next());
    Ok(found.map_or(Val::Unsaid, |name| text(call, name)))
}

fn role<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    let last = id.rsplit('/').next().unwrap_or(&id);
    match ROLES.iter().find(|(guid, _)| *guid == last) {
        Some((_, name)) => Ok(Val::Str(name)),
        None => Ok(text(call, last)),
    }
}

/// Roles that may give themselves everything. A condition can keep the last two from it.
/// <https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-overview>
const ASSIGNING: &[&str] =
    &["Owner", "User Access Administrator", "Role Based Access Control Administrator"];

fn assignment<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let properties = match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None) => return Ok(absent),
        value => match folded(value, "properties") {
            inner @ Val::Map(_) => inner,
            _ => value,
        },
    };
    let lower = |name: &str| lowered(call, folded(properties, name));
    let Some(who) = lower("principalId")? else { return Ok(Val::Unknown) };
    let kind = lower("principalType")?.unwrap_or_else(|| "principal".to_owned());
    let role = role(call, &[folded(properties, "roleDefinitionId")])?;
    let Some(name) = role.as_str() else { return Ok(Val::Unknown) };
    let condition = folded(properties, "condition");
    let narrowed = matches!(condition, Val::Str(text) if !text.trim().is_empty());
    let all = ASSIGNING.contains(&name) && (!narrowed || name == "Owner");
    let resource = match lower("scope")? {
        Some(scope) if matches!(place(&scope), Some("resource" | "resource_group")) => {
            list(call, &[text(call, &scope)])
        }
        Some(_) => list(call, &[Val::Str("*")]),
        None => Val::Unknown,
    };
    let conditions = if narrowed {
        map(call, &[("Expression", map(call, &[("abac", condition)]))])
    } else {
        Val::Unsaid
    };
    record(
        call,
        "statement",
        &[
            ("effect", Val::Str("allow")),
            ("principals", list(call, &[text(call, &format!("{kind}:{who}"))])),
            ("actions", list(call, &[if all { Val::Str("*") } else { role }])),
            ("resources", resource),
            ("conditions", conditions),
        ],
    )
}

fn id_type<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    if let Some((_, resource)) = id.rsplit_once("/providers/") {
        let mut parts = resource.split('/');
        let mut found = parts.next().unwrap_or_default().to_owned();
        // After the namespace types and names take turns.
        for kind in parts.step_by(2) {
            found.push('/');
            found.push_str(kind);
        }
        return Ok(if found.contains('/') { text(call, &found) } else { Val::Unsaid });
    }
    Ok(match place(&id) {
        Some("subscription") => Val::Str("microsoft.resources/subscriptions"),
        Some("resource_group") => Val::Str("microsoft.resources/subscriptions/resourcegroups"),
        _ => Val::Unsaid,
    })
}

fn level<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(id) = lowered(call, arg(args, 0))? else { return Ok(Val::Unsaid) };
    Ok(place(&id).map_or(Val::Unsaid, Val::Str))
}

/// The level of an id in lower case; the slash alone, trimmed, is the tenant.
fn place(id: &str) -> Option<&'static str> {
    const GROUPS: &str = "/providers/microsoft.management/managementgroups/";
    if id.is_empty() {
        return Some("tenant");
    }
    if id.strip_prefix(GROUPS).is_some_and(|name| !name.contains('/')) {
        return Some("management_group");
    }
    if !id.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = id.split('/').skip(1).collect();
    match parts.as_slice() {
        ["subscriptions", _] => Some("subscription"),
        ["subscriptions", _, "resourcegroups", _] => Some("resource_group"),
        _ if id.contains("/providers/") => Some("resource"),
        _ => None,
    }
}

fn rule<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let properties = arg(args, 0);
    if !properties.is_present() {
        return Ok(properties);
    }
    let direction =
        word(folded(properties, "direction"), "inbound", "ingress", "outbound", "egress");
    let action = word(folded(properties, "access"), "allow", "allow", "deny", "deny");
    let protocol = protocol(call, folded(properties, "protocol"));
    let ports = match protocol {
        Val::Str("icmp" | "icmpv6") => nothing(),
        Val::Unknown => Val::Unknown,
        Val::Str(name) if name != "any" && !has_ports(name) => super::ports::all(),
        _ => ports(call, properties)?,
    };
    let priority = match folded(properties, "priority") {
        Val::Unsaid | Val::None => Val::Unsaid,
        said => number(said).map_or(Val::Unknown, Val::Int),
    };
    record(
        call,
        "network_rule",
        &[
            ("direction", direction),
            ("action", action),
            ("protocol", protocol),
            ("ports", ports),
            ("peers", peers(call, properties, direction)?),
            ("priority", priority),
        ],
    )
}

/// One of two words, whatever its case; unknown where it is a third.
fn word<'a>(
    said: Val<'a>,
    one: &str,
    is: &'static str,
    other: &str,
    then: &'static str,
) -> Val<'a> {
    match said {
        Val::Unsaid | Val::None => Val::Unsaid,
        Val::Str(said) if said.eq_ignore_ascii_case(one) => Val::Str(is),
        Val::Str(said) if said.eq_ignore_ascii_case(other) => Val::Str(then),
        _ => Val::Unknown,
    }
}

/// What a member says that is written once or several times.
enum Said<'a> {
    /// Neither form says anything.
    Nothing,
    /// These.
    Values(Vec<&'a str>),
    /// Not known, or not understood.
    Unknown,
}

/// The values of a member that is said once (`...Prefix`) or several times (`...Prefixes`).
/// Azure sends the unused one of the two empty.
fn said<'a>(
    call: &Call<'a, '_>,
    properties: Val<'a>,
    one: &str,
    many: &str,
) -> Result<Said<'a>, EvalError> {
    let mut found = Vec::new();
    for name in [one, many] {
        match strings(call, folded(properties, name))? {
            Some(values) => found.extend(values.into_iter().filter(|value| !value.is_empty())),
            None => return Ok(Said::Unknown),
        }
    }
    Ok(if found.is_empty() { Said::Nothing } else { Said::Values(found) })
}

fn ports<'a>(call: &Call<'a, '_>, properties: Val<'a>) -> Answer<'a> {
    let written = match said(call, properties, "destinationPortRange", "destinationPortRanges")? {
        Said::Nothing => return Ok(Val::Unsaid),
        Said::Values(written) => written,
        Said::Unknown => return Ok(Val::Unknown),
    };
    let ranges: Option<Vec<_>> =
        written.iter().flat_map(|text| text.split(',')).map(range).collect();
    Ok(ranges.map_or(Val::Unknown, |ranges| set(call, &ranges)))
}

fn peers<'a>(call: &Call<'a, '_>, properties: Val<'a>, direction: Val<'a>) -> Answer<'a> {
    let (one, many, groups) = match direction.as_str() {
        Some("ingress") => {
            ("sourceAddressPrefix", "sourceAddressPrefixes", "sourceApplicationSecurityGroups")
        }
        Some("egress") => (
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
            "destinationApplicationSecurityGroups",
        ),
        _ => return Ok(if direction.is_present() { Val::Unknown } else { direction }),
    };
    let mut found: Vec<Val<'a>> = Vec::new();
    let prefixes = match said(call, properties, one, many)? {
        Said::Nothing => Vec::new(),
        Said::Values(prefixes) => prefixes,
        Said::Unknown => return Ok(Val::Unknown),
    };
    for prefix in prefixes {
        found.push(peer(call, prefix));
    }
    let groups = several(call, folded(properties, groups))?;
    if !groups.whole {
        return Ok(Val::Unknown);
    }
    found.extend(groups.items.iter().map(|entry| match folded(*entry, "id").as_str() {
        Some(id) => text(call, &format!("group:{}", id.to_ascii_lowercase())),
        None => Val::Unknown,
    }));
    Ok(if found.is_empty() { Val::Unsaid } else { list(call, &found) })
}

/// `*`, `Any` and the service tag `Internet` are the whole Internet; other words are tags.
///
/// <https://learn.microsoft.com/azure/virtual-network/service-tags-overview>
fn peer<'a>(call: &Call<'a, '_>, prefix: &str) -> Val<'a> {
    let prefix = prefix.trim();
    if prefix == "*"
        || prefix.eq_ignore_ascii_case("any")
        || prefix.eq_ignore_ascii_case("internet")
    {
        return Val::Str("any");
    }
    if let Some(net) = network(prefix) {
        return text(call, &net.to_string());
    }
    let is_tag = prefix.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_tag { text(call, &format!("tag:{prefix}")) } else { Val::Unknown }
}

#[cfg(test)]
mod tests;
