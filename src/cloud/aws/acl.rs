//! An S3 access list in any of its forms goes in; its grantees come out.
//!
//! Forms: the XML body as JSON, canned names (`x-amz-acl`), grant headers (`x-amz-grant-read`),
//! and Config's `grantList`, whose groups are names (`AllUsers`) and not addresses.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use super::super::json;
use super::super::make::{Answer, arg, folded, grants, list, member, strings, text};
use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// `aws.acl(request)`.
pub(super) fn acl<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let request = match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None) => return Ok(absent),
        Val::Str(body) => match json::open(call, body)? {
            Some(opened) => opened,
            None => Val::Str(body),
        },
        other => other,
    };
    match grantees(call, request)? {
        Some(mut found) => {
            found.sort_unstable();
            found.dedup();
            let items: Vec<Val<'a>> = found.iter().map(|name| text(call, name)).collect();
            Ok(list(call, &items))
        }
        None => Ok(Val::Unknown),
    }
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
    let canned_name = [folded(request, "x-amz-acl"), folded(request, "cannedACL")];
    for value in canned_name.into_iter().filter(Val::is_present) {
        let Some(names) = strings(call, value)? else { return Ok(None) };
        if let [name] = names.as_slice() {
            return Ok(canned(name));
        }
    }
    if let Some(found) = headers(call, request)? {
        return Ok(Some(found));
    }
    let policy = member(request, &["AccessControlPolicy", "accessControlPolicy"]);
    let policy = if policy.is_present() { policy } else { request };
    if has(policy, "grantList") || has(policy, "grantSet") {
        let listed = folded(policy, "grantList");
        return grants(
            call,
            grantee,
            if listed.is_present() { listed } else { folded(policy, "grantSet") },
        );
    }
    let listed = folded(policy, "accessControlList");
    match listed {
        Val::Map(_) if folded(listed, "grant").is_present() => {
            grants(call, grantee, folded(listed, "grant"))
        }
        Val::Map(_) if has(listed, "grantList") || has(listed, "grantSet") => {
            grantees(call, listed)
        }
        Val::Map(_) if headers(call, listed)?.is_some() => headers(call, listed),
        Val::Map([]) => Ok(Some(Vec::new())),
        // An owner without a list of grants: everything was taken away.
        Val::Unsaid if has(policy, "grants") => grants(call, grantee, folded(policy, "grants")),
        Val::Str(inner) => match json::open(call, inner)? {
            Some(opened @ (Val::Map(_) | Val::List(_))) => grantees(call, opened),
            _ => Ok(None),
        },
        Val::List(_) => grants(call, grantee, listed),
        _ => Ok(None),
    }
}

/// Whether a map has that member at all, even one that says nothing.
fn has(value: Val<'_>, name: &str) -> bool {
    matches!(value, Val::Map(entries) if entries.iter().any(|(key, _)| key.eq_ignore_ascii_case(name)))
}

/// The grantees of a canned list beside the owner; `None` where there is no such list.
fn canned(name: &str) -> Option<Vec<String>> {
    let grantees: &[&str] = match name {
        "private" | "bucket-owner-read" | "bucket-owner-full-control" | "aws-exec-read" => &[],
        "public-read" | "public-read-write" => &["*"],
        "authenticated-read" => &["authenticated"],
        "log-delivery-write" => &["service:logdelivery"],
        _ => return None,
    };
    Some(grantees.iter().map(ToString::to_string).collect())
}

/// `x-amz-grant-read: uri="http://...", id="..."`; `None` where there is no such header.
fn headers(call: &Call<'_, '_>, request: Val<'_>) -> Result<Option<Vec<String>>, EvalError> {
    let Val::Map(members) = request else { return Ok(None) };
    let mut found = None;
    for (name, value) in members {
        if !name.to_ascii_lowercase().starts_with("x-amz-grant-") {
            continue;
        }
        let found = found.get_or_insert_with(Vec::new);
        let Some(lines) = strings(call, *value)? else { return Ok(None) };
        for line in lines {
            for grantee in line.split(',') {
                let Some((kind, name)) = grantee.split_once('=') else { continue };
                let name = name.trim().trim_matches('"');
                found.push(match kind.trim() {
                    "uri" => group(name),
                    "id" => format!("canonical:{name}"),
                    _ => format!("email:{name}"),
                });
            }
        }
    }
    Ok(found)
}

/// A grantee: Config writes groups as their bare name, everybody else as objects.
fn grantee(value: Val<'_>) -> Option<String> {
    if let Val::Str(name) = value {
        return Some(group(name));
    }
    let part = |names: &[&str]| member(value, names).as_str();
    if let Some(uri) = part(&["URI", "uri", "groupUri"]) {
        return Some(group(uri));
    }
    if let Some(id) = part(&["ID", "id", "identifier"]) {
        return Some(format!("canonical:{id}"));
    }
    part(&["EmailAddress", "emailAddress"]).map(|address| format!("email:{address}"))
}

/// A predefined group by its address or name.
fn group(uri: &str) -> String {
    match uri.rsplit('/').next().unwrap_or(uri) {
        "AllUsers" => "*".to_owned(),
        "AuthenticatedUsers" => "authenticated".to_owned(),
        "LogDelivery" => "service:logdelivery".to_owned(),
        _ => format!("group:{uri}"),
    }
}
