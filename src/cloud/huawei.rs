//! Parts of Huawei Cloud traces and Config items go in; grantees and lists come out.

use super::json;
use super::make::{Answer, arg, folded, grants, list, param, row, several, strings, text};
use crate::expr::api::{Call, EvalError, Host};
use crate::model::Val;

/// Functions on Huawei Cloud's shapes.
pub(super) const HOSTS: &[Host] = &[
    row(
        "huawei.acl",
        &[param("request", "dyn")],
        "list<principal>",
        "Grantees of an OBS access list, as body, canned name or Config's grants; unknown where it has none of them.",
        r#"huawei.acl({"x-obs-acl": "public-read"}) == ["*"]"#,
        "https://support.huaweicloud.com/intl/en-us/api-obs/obs_04_0030.html",
        acl,
    ),
    row(
        "huawei.items",
        &[param("value", "dyn")],
        "list<dyn>",
        "What may be a list, a single object, or JSON text of either, as a list; unsaid stays unsaid.",
        r#"huawei.items({"id": "a"}).size() == 1"#,
        "",
        items,
    ),
];

fn items<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let value = match arg(args, 0) {
        Val::Str(text) if text.trim_start().starts_with(['[', '{']) => {
            match json::open(call, text)? {
                Some(opened) => opened,
                None => return Ok(Val::Unknown),
            }
        }
        other => other,
    };
    match value {
        Val::Unsaid | Val::None | Val::List(_) => Ok(value),
        one => Ok(Val::List(several(call, one)?)),
    }
}

fn acl<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let request = match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None) => return Ok(absent),
        Val::Str(body) => json::open(call, body)?.unwrap_or(Val::Str(body)),
        other => other,
    };
    let Some(mut found) = grantees(call, request)? else { return Ok(Val::Unknown) };
    found.sort_unstable();
    found.dedup();
    let items: Vec<Val<'a>> = found.iter().map(|name| text(call, name)).collect();
    Ok(list(call, &items))
}

/// `None` where no form of an access list is seen, or a part of it is not understood.
fn grantees<'a>(call: &Call<'a, '_>, request: Val<'a>) -> Result<Option<Vec<String>>, EvalError> {
    match request {
        Val::Str(name) => return Ok(canned(name)),
        Val::List(seq) if !seq.whole => return Ok(None),
        Val::List(_) => return grants(call, grantee, request),
        Val::Map(_) => {}
        _ => return Ok(None),
    }
    for name in ["x-obs-acl", "x-amz-acl"] {
        let value = folded(request, name);
        if value.is_present() {
            let names = strings(call, value)?.unwrap_or_default();
            return Ok(if let [name] = names.as_slice() { canned(name) } else { None });
        }
    }
    let policy = folded(request, "AccessControlPolicy");
    let policy = if policy.is_present() { policy } else { request };
    let listed = folded(policy, "AccessControlList");
    let listed = if matches!(listed, Val::Unsaid) { policy } else { listed };
    match listed {
        Val::List(seq) if seq.whole => return grants(call, grantee, listed),
        Val::Map([]) => return Ok(Some(Vec::new())),
        Val::Map(_) => {}
        _ => return Ok(None),
    }
    for name in ["Grant", "grants", "grantList"] {
        let inner = folded(listed, name);
        if inner.is_present() {
            return grants(call, grantee, inner);
        }
    }
    Ok(None)
}

/// The grantees of a canned list beside the owner; `None` where there is no such list.
///
/// <https://support.huaweicloud.com/intl/en-us/devg-obs/obs_06_0043.html>
fn canned(name: &str) -> Option<Vec<String>> {
    match name {
        "private" | "bucket-owner-full-control" => Some(Vec::new()),
        "public-read"
        | "public-read-write"
        | "public-read-delivered"
        | "public-read-write-delivered" => Some(vec!["*".to_owned()]),
        "authenticated-read" => Some(vec!["authenticated".to_owned()]),
        "log-delivery-write" => Some(vec!["service:logdelivery".to_owned()]),
        _ => None,
    }
}

/// `{Canned: Everyone}`, `{ID: domain}`, or the S3-compatible `{URI: .../AllUsers}`.
fn grantee(value: Val<'_>) -> Option<String> {
    if let Val::Str(name) = value {
        return Some(group(name));
    }
    let part = |name: &str| folded(value, name).as_str();
    if let Some(name) = part("Canned").or_else(|| part("URI")) {
        return Some(group(name));
    }
    part("ID").map(|id| format!("domain:{id}"))
}

fn group(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.to_ascii_lowercase().as_str() {
        "everyone" | "allusers" => "*".to_owned(),
        "authenticatedusers" => "authenticated".to_owned(),
        "logdelivery" => "service:logdelivery".to_owned(),
        _ => format!("domain:{name}"),
    }
}

#[cfg(test)]
mod tests;
