//! The JSON Schema of an alert as [`super::ocsf`] writes it: the part of OCSF 1.8 Detection
//! Finding that Driftline fills, for who reads alerts.

use serde_json::{Value as Json, json};

use super::ocsf::OCSF_VERSION;
use crate::content::schema::shape::{
    anything, choice, count, flag, list, map, object, said, text, whole,
};
use crate::model::{Area, Provider, Severity, Step};

/// The schema of one alert.
#[must_use]
pub fn schema() -> Json {
    let mut keys = class();
    keys.extend([
        ("time", time("The event's time")),
        ("message", text("Who did what to what, and why it matters")),
        ("is_alert", fixed("Always true", &json!(true))),
        ("metadata", metadata()),
        ("finding_info", finding_info()),
        ("resources", list("The resource; in a summary of several all of them", &resource())),
        ("cloud", cloud()),
        ("api", api()),
        ("actor", actor()),
        (
            "src_endpoint",
            object(
                "From where",
                &[],
                vec![("ip", word("Address")), ("svc_name", word("A service of the cloud"))],
            ),
        ),
        ("http_request", object("With what", &[], vec![("user_agent", word("User agent"))])),
        ("evidences", list("What the event changed", &evidence())),
        (
            "remediation",
            object(
                "How to repair it on this cloud",
                &["desc"],
                vec![("desc", text("Steps")), ("references", list("Pages", &word("A page")))],
            ),
        ),
        (
            "unmapped",
            object("What OCSF has no place for", &["driftline"], vec![("driftline", own())]),
        ),
    ]);
    let required = [
        "class_uid",
        "category_uid",
        "activity_id",
        "type_uid",
        "severity_id",
        "status_id",
        "time",
        "message",
        "metadata",
        "finding_info",
        "resources",
        "cloud",
        "evidences",
        "unmapped",
    ];
    let root = object("A finding's opening, update or end", &required, keys);
    whole("alert", "Driftline alert: OCSF 1.8 Detection Finding", root, vec![])
}

fn word(doc: &str) -> Json {
    json!({"type": "string", "description": doc})
}

fn fixed(doc: &str, value: &Json) -> Json {
    json!({"const": value, "description": doc})
}

fn time(doc: &str) -> Json {
    json!({"type": "integer", "description": format!("{doc}, in milliseconds since 1970")})
}

fn numbers(doc: &str, numbers: &[u32]) -> Json {
    json!({"enum": numbers, "description": doc})
}

fn class() -> Vec<(&'static str, Json)> {
    vec![
        ("class_uid", fixed("Detection Finding", &json!(2004))),
        ("class_name", fixed("The class's name", &json!("Detection Finding"))),
        ("category_uid", fixed("Findings", &json!(2))),
        ("category_name", fixed("The category's name", &json!("Findings"))),
        ("activity_id", numbers("1 opened, 2 updated, 3 resolved", &[1, 2, 3])),
        ("activity_name", choice("The activity's name", ["Create", "Update", "Close"])),
        ("type_uid", numbers("Class and activity", &[200_401, 200_402, 200_403])),
        ("type_name", word("The type's name")),
        ("severity_id", numbers("1 informational to 5 critical", &[1, 2, 3, 4, 5])),
        (
            "severity",
            choice("The severity's name", ["Informational", "Low", "Medium", "High", "Critical"]),
        ),
        ("status_id", numbers("1 new, 2 in progress, 3 suppressed, 4 resolved", &[1, 2, 3, 4])),
        ("status", choice("The status's name", ["New", "In Progress", "Suppressed", "Resolved"])),
        ("status_detail", word("Why it ended, where that is not plain")),
    ]
}

fn metadata() -> Json {
    let product = object(
        "Who tells",
        &["name", "vendor_name", "version"],
        vec![
            ("name", word("Driftline")),
            ("vendor_name", word("Driftline")),
            ("version", word("Its version")),
        ],
    );
    object(
        "About the alert itself",
        &["uid", "version", "tenant_uid", "product", "profiles"],
        vec![
            ("version", fixed("Of OCSF", &json!(OCSF_VERSION))),
            ("profiles", fixed("Of OCSF", &json!(["cloud"]))),
            ("uid", text("The alert's id: a replay gives the same")),
            ("tenant_uid", text("The tenant")),
            ("original_event_uid", word("The cloud's id of the event that caused this step")),
            ("product", product),
        ],
    )
}

fn finding_info() -> Json {
    let analytic = object(
        "A detector",
        &["uid", "name", "type_id"],
        vec![
            ("uid", text("Its id")),
            ("name", word("Its title")),
            ("type_id", fixed("A rule", &json!(1))),
            ("type", fixed("A rule", &json!("Rule"))),
        ],
    );
    let attack = object(
        "A technique",
        &["technique"],
        vec![("technique", object("Of MITRE ATT&CK", &["uid"], vec![("uid", text("Its id"))]))],
    );
    object(
        "The finding, which lives on from alert to alert",
        &["uid", "title"],
        vec![
            ("uid", text("The same over the finding's life")),
            ("title", word("What was found")),
            ("desc", word("Why it is insecure")),
            ("types", list("The area of responsibility", &word("An area"))),
            ("first_seen_time", time("When it was opened")),
            ("last_seen_time", time("When it was last seen")),
            ("related_analytics", list("The other detectors that hold", &analytic)),
            ("analytic", said("The most severe detector that holds", analytic)),
            ("attacks", list("Techniques it makes possible", &attack)),
        ],
    )
}

fn resource() -> Json {
    object(
        "A resource",
        &["uid", "type"],
        vec![
            ("uid", word("The cloud's own id")),
            ("type", text("Its kind")),
            ("name", word("Its name")),
            ("region", word("Its region")),
            ("owner", object("Its owner", &["name"], vec![("name", word("The owner's name"))])),
        ],
    )
}

fn cloud() -> Json {
    object(
        "Where",
        &["provider", "account"],
        vec![
            ("provider", choice("The cloud", Provider::ALL.into_iter().map(Provider::as_str))),
            ("account", object("The account", &["uid"], vec![("uid", word("Its id"))])),
            ("region", word("The region")),
        ],
    )
}

fn api() -> Json {
    object(
        "The call",
        &["operation"],
        vec![
            ("operation", word("Its name")),
            ("service", object("The service", &["name"], vec![("name", word("Its name"))])),
            ("response", object("The answer", &[], vec![("error", word("The error"))])),
        ],
    )
}

fn actor() -> Json {
    let user = object(
        "The identity",
        &[],
        vec![
            ("uid", word("Its id")),
            ("name", word("Its name")),
            ("type", word("What it is")),
            ("type_id", fixed("2 is the account's owner", &json!(2))),
            ("credential_uid", word("The credential it used")),
            ("has_mfa", flag("Whether it signed in with a second factor")),
        ],
    );
    object("Who", &[], vec![("user", user), ("invoked_by", word("The service that acted for it"))])
}

fn evidence() -> Json {
    let data = object(
        "One event",
        &["event_id", "event_name", "event_time", "source"],
        vec![
            ("event_id", word("The cloud's id of it")),
            ("event_name", word("Its name")),
            ("event_time", time("When it happened")),
            ("source", word("Its wire format")),
            ("element", anything("The element judged, where one is")),
            ("before", anything("The changed paths before")),
            ("after", anything("The changed paths after")),
        ],
    );
    object("A piece of evidence", &["data"], vec![("data", data)])
}

fn own() -> Json {
    let words = |doc: &str| map(doc, &word("A value"));
    let sure = || choice("Whether it rests on an assumption", ["provisional", "confirmed"]);
    let reason = object(
        "A detector's verdict",
        &["detector", "severity"],
        vec![
            ("detector", text("Its id")),
            ("severity", choice("How bad", Severity::ALL.into_iter().map(Severity::as_str))),
            ("since", time("Since when it holds")),
            ("confidence", sure()),
        ],
    );
    let steps = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];
    object(
        "Driftline's own",
        &["responsibility_area", "confidence", "reasons", "step", "episode"],
        vec![
            (
                "responsibility_area",
                choice(
                    "Whose part of the shared responsibility",
                    Area::ALL.into_iter().map(Area::as_str),
                ),
            ),
            ("introduced", flag("An event was seen to make it so")),
            ("discovered", flag("It was already so when first seen")),
            ("confidence", sure()),
            ("assumptions", list("What was assumed", &word("A path"))),
            ("reasons", list("Every detector that holds", &reason)),
            ("step", choice("Which step", steps.into_iter().map(Step::as_str))),
            ("channel", word("Console, tool, infrastructure as code, service")),
            ("tags", words("The resource's tags")),
            ("owner", word("The resource's owner")),
            (
                "exposure_seconds",
                json!({"type": ["integer", "null"], "description": "How long it has been so"}),
            ),
            ("benchmarks", map("Benchmarks and their ids", &list("Ids", &word("An id")))),
            ("facts", anything("The values the expression saw")),
            ("episode", word("The opening event's id")),
            ("exception", anything("The tenant's acceptance, where there is one")),
            ("findings", count("How many findings a summary tells")),
        ],
    )
}
