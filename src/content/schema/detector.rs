//! The schema of documents `Detector`.

use serde_json::{Value as Json, json};

use super::Names;
use super::event::{event, steps};
use super::kind::{areas, head};
use super::shape::{
    anything, choice, count, flag, list, map, object, one_or_many, part, scalar, span, text, whole,
};
use crate::content::names::{DETECTOR, WORD};
use crate::content::window::{ASPECTS, SCOPES};
use crate::model::{Provider, Severity};

/// What is insecure, why, and how to repair it.
pub(super) fn schema(names: &Names) -> Json {
    let mut keys = head("Detector");
    keys.extend(about());
    keys.extend(forms(names));
    let required = ["apiVersion", "kind", "id", "title", "severity", "maturity", "why"];
    let mut root = object("What is insecure, why, and how to repair it", &required, keys);
    root["oneOf"] = json!([
        {"required": ["insecure", "applies_to"]}, {"required": ["on_act"]}, {"required": ["window"]},
    ]);
    let parts = vec![
        ("severity", choice("How bad it is", severities())),
        ("expression", scalar("A CEL expression")),
        (
            "signals",
            one_or_many(
                "Detectors by id (`FW-*` for many), with `resolved` or `opened` behind, or `act NAME`",
                &text("A signal"),
            ),
        ),
        ("aspects", one_or_many("What is compared", &choice("An aspect", ASPECTS))),
        ("event", event()),
        ("steps", steps()),
    ];
    whole("detector", "Driftline detector", root, parts)
}

fn severities() -> impl Iterator<Item = &'static str> {
    Severity::ALL.into_iter().map(Severity::as_str)
}

fn providers() -> impl Iterator<Item = &'static str> {
    Provider::ALL.into_iter().map(Provider::as_str)
}

fn about() -> Vec<(&'static str, Json)> {
    let title = object(
        "What is found, by language",
        &["en"],
        vec![("en", text("In English")), ("zh", text("In Chinese"))],
    );
    let fixes: Vec<(&str, Json)> =
        providers().map(|name| (name, text("How to repair it on this cloud"))).collect();
    vec![
        (
            "id",
            json!({"type": "string", "pattern": DETECTOR, "examples": ["ACME-001"],
            "description": "Its name for ever: alerts, metrics and policies carry it"}),
        ),
        (
            "title",
            json!({"anyOf": [text("What is found"), title], "description": "What is found, in one sentence"}),
        ),
        ("severity", severity()),
        ("maturity", choice("`experimental` never pages", ["stable", "experimental"])),
        (
            "area",
            choice("Whose part of the shared responsibility it is; by default the kind's", areas()),
        ),
        ("why", scalar("Why it is insecure: what somebody can do with it")),
        ("fix", object("By cloud: how to repair it", &[], fixes)),
        (
            "maps_to",
            map(
                "Benchmarks and their ids; `attack` for MITRE ATT&CK techniques",
                &one_or_many("Ids", &scalar("An id")),
            ),
        ),
        ("params", params()),
        (
            "tests",
            list(
                "Its own tests: it opens, it resolves, it stays silent on the nearest benign change",
                &test(),
            ),
        ),
        ("doc", text("A remark")),
    ]
}

fn severity() -> Json {
    let scale = object(
        "A severity, and when it holds",
        &["is"],
        vec![
            ("when", part("Where this holds", "expression")),
            ("is", part("The severity", "severity")),
        ],
    );
    json!({"anyOf": [{"$ref": "#/$defs/severity"}, {"type": "array", "items": scale, "minItems": 1}],
        "description": "How bad it is; or a list, whose first with a `when` that holds wins and whose last has none"})
}

fn params() -> Json {
    let keys = vec![
        ("type", anything("Its type, as in kinds")),
        ("enum", list("The words it may be, instead of a type", &scalar("A word"))),
        ("default", anything("Its value where no policy says otherwise")),
        ("doc", text("What it is for")),
    ];
    let mut schema = map(
        "What a tenant's policy can override; read as `params.name`",
        &object("A parameter", &["default"], keys),
    );
    schema["propertyNames"] = json!({"pattern": WORD});
    schema
}

fn forms(names: &Names) -> Vec<(&'static str, Json)> {
    vec![
        ("applies_to", one_or_many("The kinds it judges", &names.kind("A kind"))),
        ("insecure", part("True holds, false ends, unknown changes nothing", "expression")),
        ("each", text("A set or list whose elements are judged one by one, as `item`")),
        (
            "measure",
            part("How bad it is as a number: growing is told, shrinking is silent", "expression"),
        ),
        (
            "aspect",
            text(
                "The subject that detectors of one resource share; by default the detector itself",
            ),
        ),
        (
            "assume",
            map(
                "By path: the value assumed where none is known; the finding is then provisional",
                &assumed(),
            ),
        ),
        ("on_act", on_act(names)),
        ("window", window()),
    ]
}

/// A constant; of a set the elements.
fn assumed() -> Json {
    json!({"anyOf": [{"$ref": "#/$defs/expression"}, {"type": "array"}], "description": "A constant"})
}

fn on_act(names: &Names) -> Json {
    let keys = || {
        vec![
            ("act", names.act("The act")),
            ("when", part("Where this holds; the act's fields are in scope", "expression")),
        ]
    };
    let until = object("What ends it", &["act"], keys());
    let mut all = keys();
    all.push(("until", until));
    object("The deed itself", &["act"], all)
}

fn window() -> Json {
    let by = choice("What is counted together", SCOPES.map(|(name, _)| name));
    let keys = vec![
        ("by", by),
        ("open_longer", open_longer()),
        ("count", counted()),
        ("sequence", sequence()),
        ("gap", gap()),
        ("absence", absence()),
    ];
    let mut schema = object("Several findings or acts over time", &["by"], keys);
    let shapes = ["open_longer", "count", "sequence", "gap", "absence"];
    schema["oneOf"] = shapes.iter().map(|shape| json!({"required": [shape]})).collect();
    schema
}

fn open_longer() -> Json {
    let spans = severities()
        .map(|name| (name, span("How long a finding of this severity may be open")))
        .collect();
    let keys = vec![
        ("of", part("Whose findings", "signals")),
        ("spans", object("By severity", &[], spans)),
        ("repeat", one_or_many("Told again after so many spans", &count("A number of spans"))),
    ];
    object("A finding is open longer than it may be", &["of", "spans"], keys)
}

fn counted() -> Json {
    let keys = vec![
        ("of", part("What is counted", "signals")),
        ("at_least", count("How many are told")),
        ("distinct", part("What is counted once", "aspects")),
        ("weight", count("How much weight is told, severities weighing more the worse they are")),
        ("within", span("The window's length")),
    ];
    let mut schema = object("So many within a span", &["of", "within"], keys);
    schema["anyOf"] = json!([{"required": ["at_least"]}, {"required": ["weight"]}]);
    schema
}

fn sequence() -> Json {
    let step = part("One step", "signals");
    let keys = vec![
        (
            "steps",
            json!({"type": "array", "minItems": 2, "items": step, "description": "One after the other"}),
        ),
        ("any_order", flag("Whether the order does not matter")),
        ("same", part("What must be the same in every step", "aspects")),
        ("different", part("What must be different from step to step", "aspects")),
        ("within", span("From the first step to the last")),
    ];
    object("One thing after another", &["steps", "within"], keys)
}

fn gap() -> Json {
    let keys = vec![
        ("of", part("What begins and ends the gap", "signals")),
        ("escalate", span("After this it is told as worse")),
    ];
    object("Something is off and comes back", &["of"], keys)
}

fn absence() -> Json {
    let keys = vec![
        ("of", part("What is missed", "signals")),
        ("within", span("After so long without it")),
    ];
    object("Something does not happen", &["of", "within"], keys)
}

fn test() -> Json {
    let keys = vec![
        ("name", scalar("A sentence that says what the test proves")),
        ("events", one_or_many("What happens, in order", &part("", "event"))),
        ("expect", part("What must come of it", "steps")),
    ];
    object("Events, and the steps they cause", &["name", "events", "expect"], keys)
}
