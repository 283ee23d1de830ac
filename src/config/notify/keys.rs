//! The keys of a destination: which sort has which, and what files and variables hold.

use std::path::Path;

use crate::notify::{Allow, Endpoint, PagerDuty, Secret};

use super::super::files;
use super::super::raw::notify::Destination as Raw;
use super::Desk;

/// A key that not every sort has: its name, whether it is there, and whose it is.
type Own<'r> = (&'static str, bool, &'r [&'r str]);

/// Tells keys that another sort has.
pub(super) fn of_another(raw: &Raw, word: &str, place: &str, desk: &mut Desk<'_>) {
    let signed: &[&str] = &["webhook"];
    let keyed: &[&str] = &["pagerduty"];
    let peers: &[&str] = &["alertmanager"];
    let tokens: &[&str] = &["alertmanager", "webhook"];
    let all: [Own<'_>; 9] = [
        ("urls", raw.urls.is_some(), peers),
        ("resend", raw.resend.is_some(), peers),
        ("key_file", raw.key_file.is_some(), keyed),
        ("key_env", raw.key_env.is_some(), keyed),
        ("secret_file", raw.secret_file.is_some(), signed),
        ("secret_env", raw.secret_env.is_some(), signed),
        ("token_file", raw.token_file.is_some(), tokens),
        ("token_env", raw.token_env.is_some(), tokens),
        ("burst", raw.burst.is_some(), &["pagerduty", "webhook", "slack"]),
    ];
    for (key, there, whose) in all {
        if there && !whose.contains(&word) {
            let whose = whose.join("`, `");
            desk.fault(
                &format!("{place}.{key}"),
                format_args!("`{word}` has no such key, only `{whose}` has; take it out"),
            );
        }
    }
}

/// Where the destination listens.
pub(super) fn endpoints(
    raw: &Raw,
    word: &str,
    place: &str,
    allow: Allow,
    desk: &mut Desk<'_>,
) -> Vec<Endpoint> {
    let at = format!("{place}.url");
    let held = optional((raw.url_file.as_deref(), raw.url_env.as_deref()), "url", place, desk);
    let ways = [raw.url.is_some(), raw.urls.is_some(), held.is_some()];
    if ways.into_iter().filter(|there| *there).count() > 1 {
        desk.fault(&at, "write one of `url`, `urls`, `url_file`, `url_env`");
        return Vec::new();
    }
    if word == "slack" && raw.url.is_some() {
        desk.fault(&at, "the URL of a Slack webhook is its secret; write `url_file` or `url_env`");
        return Vec::new();
    }
    let texts: Vec<String> = match (&raw.url, &raw.urls, held) {
        (Some(url), _, _) => vec![url.clone()],
        (_, Some(urls), _) => urls.clone(),
        (_, _, Some(held)) => vec![held.expose().to_owned()],
        _ if raw.url_file.is_some() || raw.url_env.is_some() => return Vec::new(),
        _ if word == "pagerduty" => vec![PagerDuty::URL.to_owned()],
        _ => Vec::new(),
    };
    if texts.is_empty() {
        let how = match word {
            "slack" => "write `url_file` or `url_env`",
            "alertmanager" => "write `url: https://host:9093`, or `urls` with every peer",
            _ => "write `url`, `url_file` or `url_env`",
        };
        desk.fault(&at, format_args!("missing; {how}"));
    }
    let mut endpoints = Vec::with_capacity(texts.len());
    for text in texts {
        match Endpoint::new(&text, allow) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(what) => desk.fault(&at, what),
        }
    }
    endpoints
}

/// Certificates that are trusted in the place of the system's.
pub(super) fn roots(raw: &Raw, place: &str, desk: &mut Desk<'_>) -> Option<Vec<u8>> {
    let name = raw.ca_file.as_deref()?;
    let text = read(&(desk.beside)(name), &format!("{place}.ca_file"), desk)?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        desk.fault(&format!("{place}.ca_file"), "holds no certificate in PEM");
    }
    Some(text.into_bytes())
}

/// A proxy, which may well be private and without TLS.
pub(super) fn proxy(raw: &Raw, place: &str, desk: &mut Desk<'_>) -> Option<Endpoint> {
    let any = Allow { http: true, private: true };
    match Endpoint::new(raw.proxy.as_deref()?, any) {
        Ok(proxy) => Some(proxy),
        Err(what) => {
            desk.fault(&format!("{place}.proxy"), what);
            None
        }
    }
}

/// A file and a variable, of which one holds a secret.
pub(super) type Held<'r> = (Option<&'r str>, Option<&'r str>);

/// A secret that must be there.
pub(super) fn needed(
    (file, variable): Held<'_>,
    what: &str,
    place: &str,
    desk: &mut Desk<'_>,
) -> Option<Secret> {
    if file.is_none() && variable.is_none() {
        desk.fault(
            &format!("{place}.{what}"),
            format_args!("missing; write `{what}_file` or `{what}_env`"),
        );
    }
    optional((file, variable), what, place, desk)
}

/// A secret, where a file or a variable is named for it.
pub(super) fn optional(
    (file, variable): Held<'_>,
    what: &str,
    place: &str,
    desk: &mut Desk<'_>,
) -> Option<Secret> {
    let text = match (file, variable) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            let told = format_args!("write one of `{what}_file`, `{what}_env`").to_string();
            desk.fault(&format!("{place}.{what}"), told);
            return None;
        }
        (Some(file), None) => read(&(desk.beside)(file), &format!("{place}.{what}_file"), desk)?,
        (None, Some(name)) => {
            let found = std::env::var_os(name).and_then(|value| value.into_string().ok());
            if found.is_none() {
                desk.fault(
                    &format!("{place}.{what}_env"),
                    format_args!("the environment has no `{name}`; set it, or correct the name"),
                );
            }
            found?
        }
    };
    let text = text.trim();
    if text.is_empty() {
        desk.fault(&format!("{place}.{what}"), "what is to hold it is empty");
        return None;
    }
    Some(Secret::new(text))
}

fn read(file: &Path, place: &str, desk: &mut Desk<'_>) -> Option<String> {
    match files::read_text(file) {
        Ok(text) => Some(text),
        Err(error) => {
            desk.fault(place, error.whole());
            None
        }
    }
}
