//! The part of an address behind the question mark.

use percent_encoding::percent_decode_str;

use crate::model::Severity;

use super::view::{MAX_PAGE, Wanted};

/// Items on a page where nobody said how many.
const PAGE: usize = 100;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Which.
    pub wanted: Wanted,
    /// Behind this uid.
    pub after: Option<String>,
    /// How many.
    pub limit: usize,
}

/// Reads a query of which only `known` keys are allowed.
///
/// # Errors
/// A sentence for the one who asked.
pub(super) fn read(text: &str, known: &[&str]) -> Result<Query, String> {
    let mut query = Query { wanted: Wanted::default(), after: None, limit: PAGE };
    let mut met: Vec<String> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decoded(key)?, decoded(value)?);
        if !known.contains(&key.as_str()) {
            return Err(format!("unknown parameter `{key}`; known: {}", known.join(", ")));
        }
        if met.contains(&key) {
            return Err(format!("parameter `{key}` is given twice"));
        }
        match key.as_str() {
            "tenant" => query.wanted.tenant = Some(value),
            "detector" => query.wanted.detector = Some(value),
            "severity" => query.wanted.severity = Some(severity(value)?),
            "after" => query.after = Some(value),
            _ => query.limit = limit(&value)?,
        }
        met.push(key);
    }
    Ok(query)
}

/// Text without its `+` and `%` forms.
pub(super) fn decoded(text: &str) -> Result<String, String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| "the address is not UTF-8".to_owned())
}

fn severity(value: String) -> Result<String, String> {
    if Severity::from_name(&value).is_some() {
        return Ok(value);
    }
    let known = Severity::ALL.map(Severity::as_str).join(", ");
    Err(format!("`{value}` is no severity; known: {known}"))
}

fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
    limit.ok_or_else(|| format!("`limit` is a number from 1 to {MAX_PAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["tenant", "severity", "detector", "limit", "after"];

    #[test]
    fn a_query_is_read_with_its_escapes() {
        let read = read("tenant=a%26b+c&severity=high&&detector=FW-001&limit=7&after=x", KNOWN);
        let wanted = Wanted {
            tenant: Some("a&b c".to_owned()),
            severity: Some("high".to_owned()),
            detector: Some("FW-001".to_owned()),
        };
        assert_eq!(read, Ok(Query { wanted, after: Some("x".to_owned()), limit: 7 }));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_would_be() {
        for (text, told) in [
            ("tennant=a", "unknown parameter `tennant`; known: tenant, severity"),
            ("tenant=a&tenant=b", "parameter `tenant` is given twice"),
            ("severity=hig", "`hig` is no severity; known: informational, low"),
            ("limit=0", "`limit` is a number from 1 to 1000"),
            ("limit=1001", "`limit` is a number from 1 to 1000"),
            ("limit=", "`limit` is a number from 1 to 1000"),
            ("tenant=%ff", "the address is not UTF-8"),
        ] {
            let error = read(text, KNOWN).expect_err(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
