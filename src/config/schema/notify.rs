//! The schema of the `notify` block.

use serde_json::{Value as Json, json};

use crate::content::schema::shape::{
    choice, count, flag, list, map, object, one_or_many, said, scalar, span, text,
};
use crate::model::{Area, Provider, Severity, Step};

/// The block.
pub(super) fn notify() -> Json {
    let keys = vec![
        ("destinations", map("Where alerts go, by name", &destination())),
        (
            "routes",
            list(
                "Which alert goes where: the first route that matches decides; the last has no `match`. Without routes everything goes to every destination",
                &route(),
            ),
        ),
        (
            "give_up_after",
            span("An alert this old goes to the dead letters when its delivery fails"),
        ),
        (
            "burst",
            count(
                "Alerts of one tenant within `window` that a destination is told one by one; those beyond are one summary; 0 tells all one by one",
            ),
        ),
        ("window", span("See `burst`")),
        ("queue", at_least_one("Alerts in memory for each destination; more wait in their topic")),
    ];
    object("People and pagers", &[], keys)
}

fn at_least_one(doc: &str) -> Json {
    json!({"type": "integer", "minimum": 1, "description": doc})
}

fn destination() -> Json {
    let url = "`https://host/path`; `https` and a public address unless more is allowed";
    let keys = vec![
        ("type", choice("What listens there", ["alertmanager", "pagerduty", "webhook", "slack"])),
        ("url", text(url)),
        ("urls", list("Every peer of one Alertmanager cluster", &text(url))),
        ("url_file", text("A file that holds the URL; for Slack, whose URL is its secret")),
        ("url_env", text("A variable that holds the URL")),
        ("key_file", text("PagerDuty: a file that holds the integration key")),
        ("key_env", text("PagerDuty: a variable that holds the integration key")),
        (
            "secret_file",
            text(
                "Webhook: a file of signing secrets (`whsec_` and base64), one a line; several while they are rotated",
            ),
        ),
        ("secret_env", text("Webhook: a variable of signing secrets, between spaces")),
        ("token_file", text("Alertmanager, webhook: a file that holds a bearer token")),
        ("token_env", text("Alertmanager, webhook: a variable that holds a bearer token")),
        (
            "rate",
            said(
                "At most so many requests in a second, minute or hour",
                json!({"type": "string", "pattern": "^[1-9][0-9]* */ *[smh]$", "examples": ["1/s", "120/m"]}),
            ),
        ),
        ("resend", span("Alertmanager: how often it is told of what is open")),
        ("timeout", span("How long one request may take")),
        ("burst", count("As `notify.burst`, for this destination")),
        ("window", span("As `notify.window`, for this destination")),
        ("queue", at_least_one("As `notify.queue`, for this destination")),
        ("give_up_after", span("As `notify.give_up_after`, for this destination")),
        ("ca_file", text("Certificates in PEM that are trusted in the place of the system's")),
        (
            "proxy",
            text("A proxy for all requests; it resolves names, and so decides what is reached"),
        ),
        ("allow_http", flag("Whether HTTP without TLS is allowed")),
        ("allow_private", flag("Whether addresses outside the public Internet are allowed")),
    ];
    object("Where alerts go", &["type"], keys)
}

fn route() -> Json {
    let steps = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];
    let word = text("A name, in which `*` stands for any characters and `?` for one");
    let of = |doc: &str, words: Vec<&'static str>| one_or_many(doc, &choice("One of these", words));
    let matcher = vec![
        ("tenant", one_or_many("Whose", &word)),
        ("severity", choice("At least as bad", Severity::ALL.map(Severity::as_str))),
        (
            "area",
            of("Parts of the shared-responsibility model", Area::ALL.map(Area::as_str).to_vec()),
        ),
        ("detector", one_or_many("One of the detectors that hold", &word)),
        ("step", of("Steps of a finding's life", steps.map(Step::as_str).to_vec())),
        (
            "tag",
            map(
                "Tags that the resource has, all of them: key, and a pattern of its value",
                &scalar("A pattern; `*` for any value"),
            ),
        ),
        ("provider", of("Clouds", Provider::ALL.map(Provider::as_str).to_vec())),
    ];
    let keys = vec![
        ("match", object("Which alerts; all that is said must hold", &[], matcher)),
        ("to", list("Names of destinations; none tells nobody", &text("A name"))),
        ("continue", flag("Whether later routes are looked at as well")),
    ];
    object("Which alerts go where", &["to"], keys)
}
