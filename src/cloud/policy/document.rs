//! A policy document goes in, a list of `statement` records comes out.

use super::super::json;
use super::super::make::{Answer, arg, folded, list, member, record, strings, text};
use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// `iam.statements(document)`.
pub(super) fn statements<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let document = match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None) => return Ok(absent),
        Val::Str(text) => match json::open(call, text)? {
            Some(document) => document,
            None => return Ok(Val::Unknown),
        },
        other => other,
    };
    let document = match wrapped(document) {
        None => document,
        Some(Val::Unsaid) => return Ok(list(call, &[])),
        Some(Val::Str(inner)) => json::open(call, inner)?.unwrap_or(Val::Unknown),
        Some(inner) => inner,
    };
    let listed = match document {
        Val::List(_) => document,
        Val::Map(_) => folded(document, "Statement"),
        _ => Val::Unknown,
    };
    let one = [listed];
    let items = match listed {
        Val::List(seq) if seq.whole => seq.items,
        Val::Map(_) => &one,
        _ => return Ok(Val::Unknown),
    };
    call.charge(items.len())?;
    let mut records = Vec::with_capacity(items.len());
    for item in items {
        match statement(call, *item)? {
            Some(record) => records.push(record),
            None => return Ok(Val::Unknown),
        }
    }
    Ok(list(call, &records))
}

/// What Config's `{"policyText": ...}` holds, `Unsaid` for a bucket without a policy; `None`
/// where the document is not of that form.
fn wrapped(document: Val<'_>) -> Option<Val<'_>> {
    let Val::Map([("policyText", inner)]) = document else { return None };
    Some(*inner)
}

/// One statement; `None` where a part of it is not understood.
fn statement<'a>(call: &Call<'a, '_>, raw: Val<'a>) -> Result<Option<Val<'a>>, EvalError> {
    let Val::Map(_) = raw else { return Ok(None) };
    let effect = match folded(raw, "Effect").as_str() {
        Some(word) if word.eq_ignore_ascii_case("allow") => "allow",
        Some(word) if word.eq_ignore_ascii_case("deny") => "deny",
        _ => return Ok(None),
    };
    let mut fields = vec![("effect", Val::Str(effect))];
    for (field, key) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        let Some(value) = principals(call, folded(raw, key))? else { return Ok(None) };
        fields.push((field, value));
    }
    for (field, key) in [
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ] {
        let Some(value) = texts(call, folded(raw, key))? else { return Ok(None) };
        fields.push((field, value));
    }
    let named = |field: &str| {
        fields.iter().any(|(name, value)| *name == field && !matches!(value, Val::Unsaid))
    };
    if !named("actions") && !named("not_actions") {
        return Ok(None);
    }
    let conditions = folded(raw, "Condition");
    if !matches!(conditions, Val::Unsaid | Val::None | Val::Map(_)) {
        return Ok(None);
    }
    fields.push(("conditions", conditions));
    record(call, "statement", &fields).map(Some)
}

/// Text or list of text, as a list. Huawei writes agencies as `{"uri": [...]}`.
fn texts<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Result<Option<Val<'a>>, EvalError> {
    let value = match value {
        Val::Unsaid | Val::None => return Ok(Some(Val::Unsaid)),
        Val::Map(_) => member(value, &["uri"]),
        other => other,
    };
    if !value.is_present() {
        return Ok(None);
    }
    let Some(found) = strings(call, value)? else { return Ok(None) };
    let values: Vec<Val<'a>> = found.into_iter().map(Val::Str).collect();
    Ok(Some(list(call, &values)))
}

fn principals<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Result<Option<Val<'a>>, EvalError> {
    let single = [("AWS", value)];
    let groups: &[(&str, Val<'a>)] = match value {
        Val::Unsaid | Val::None => return Ok(Some(Val::Unsaid)),
        Val::Str(_) | Val::List(_) => &single,
        Val::Map(entries) => entries,
        _ => return Ok(None),
    };
    let mut found = Vec::new();
    for (kind, names) in groups {
        let Some(names) = strings(call, *names)? else { return Ok(None) };
        for name in names {
            found.push(principal(call, kind, name));
        }
    }
    Ok(Some(list(call, &found)))
}

/// The canonical name of a principal of that kind (`AWS`, `Service`, `ID`, ...).
fn principal<'a>(call: &Call<'a, '_>, kind: &str, name: &'a str) -> Val<'a> {
    let kind = kind.to_ascii_lowercase();
    match kind.as_str() {
        "aws" | "id" | "iam" | "huawei" | "obs" if name == "*" => Val::Str("*"),
        "aws" => amazon(call, name),
        "id" | "iam" | "huawei" | "obs" => huawei(call, name),
        "canonicaluser" => text(call, &format!("canonical:{name}")),
        _ => text(call, &format!("{kind}:{name}")),
    }
}

/// An account as `aws:ID` however written; everything else stays as it is. OBS too takes a
/// principal without `{"ID": ...}` around it.
fn amazon<'a>(call: &Call<'a, '_>, name: &'a str) -> Val<'a> {
    if name.starts_with("domain/") {
        return huawei(call, name);
    }
    let account = match name.strip_suffix(":root") {
        Some(arn) => arn.rsplit(':').next().unwrap_or_default(),
        None => name,
    };
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return text(call, &format!("aws:{account}"));
    }
    Val::Str(name)
}

/// `domain/ID`, `domain/ID:user/ID`, `iam::ID:user:NAME` (IAM v5) or a bare domain id, as
/// `domain:ID...`.
fn huawei<'a>(call: &Call<'a, '_>, name: &'a str) -> Val<'a> {
    if let Some(rest) = name.strip_prefix("domain/") {
        return text(call, &format!("domain:{rest}"));
    }
    if let Some((account, rest)) = name.strip_prefix("iam::").and_then(|rest| rest.split_once(':'))
    {
        return match rest.split_once(':') {
            Some((kind, who)) => text(call, &format!("domain:{account}:{kind}/{who}")),
            None => text(call, &format!("domain:{account}")),
        };
    }
    if name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text(call, &format!("domain:{name}"));
    }
    Val::Str(name)
}
