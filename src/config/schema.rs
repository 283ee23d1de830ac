//! The JSON Schema of the configuration file, for editors.

use serde_json::{Value as Json, json};

use super::raw::LIMITS;
use crate::content::schema::shape::{
    choice, flag, list, map, object, part, said, scalar, span, text, whole,
};
use crate::model::Format;

mod notify;

/// The schema of `driftline.yaml`.
#[must_use]
pub fn schema() -> Json {
    let keys = vec![
        ("log", choice("What carries records", ["embedded", "kafka"])),
        ("embedded", embedded()),
        ("kafka", part("How brokers are reached, for `log: kafka`", "kafka")),
        ("sources", list("Where records come from, for the service", &source())),
        ("workers", workers()),
        ("topics", topics()),
        ("alerts", alerts()),
        ("deadletters", letters()),
        ("tenants", tenants()),
        (
            "content",
            list(
                "Content folders beside the shipped pack: kinds, mappings, detectors",
                &text("A folder, relative to this file"),
            ),
        ),
        ("policies", list("Policy folders; policies come with a later version", &text("A folder"))),
        ("web", object("The admin listener", &[], vec![("listen", listen())])),
        ("notify", notify::notify()),
        ("limits", limits()),
        ("telemetry", telemetry()),
    ];
    let root = object("Driftline's configuration; every key has a default that works", &[], keys);
    whole("config", "Driftline configuration", root, vec![("kafka", kafka())])
}

fn embedded() -> Json {
    let folder = text(
        "Where it is kept, relative to this file, so that a restart goes on where the last run ended; \
         without it in memory alone",
    );
    object("The log in this process, for `log: embedded`", &[], vec![("folder", folder)])
}

fn kafka() -> Json {
    let word = scalar("A value");
    let keys = vec![
        ("brokers", text("`host:port`, several between commas")),
        ("topic_prefix", json!({"type": "string", "description": "Before every topic's name"})),
        (
            "group_prefix",
            json!({"type": "string", "description": "Before every consumer group's name"}),
        ),
        (
            "security",
            map(
                "Transport security: protocol (plaintext, ssl, sasl_plaintext, sasl_ssl), mechanism, username, password_file, ca_file, cert_file, key_file",
                &word,
            ),
        ),
        ("properties", map("Any librdkafka property", &word)),
    ];
    object("How brokers are reached", &[], keys)
}

fn source() -> Json {
    let formats: Vec<&str> =
        ["auto"].into_iter().chain(Format::ALL.iter().map(|format| format.as_str())).collect();
    let ways = vec![
        ("by", choice("By the registry's map of accounts", ["account"])),
        ("fixed", text("Always this tenant")),
        ("header", text("By this header, which only an authenticated producer can set")),
        ("topic_suffix", flag("By the end of the topic's name")),
    ];
    let mut tenant = object("How a record's tenant is told: one of these", &[], ways);
    tenant["maxProperties"] = json!(1);
    let keys = vec![
        ("topic", text("The topic")),
        ("path", text("In its place a file or folder, relative to this file, for `log: embedded`")),
        ("format", choice("Its wire format, or recognise each record", formats)),
        ("tenant", tenant),
        ("kafka", part("Its own cluster", "kafka")),
    ];
    object("A topic that a cloud writes, or a file or folder", &[], keys)
}

fn workers() -> Json {
    let count =
        |least: u32, doc: &str| json!({"type": "integer", "minimum": least, "description": doc});
    let keys = vec![
        ("detect", count(1, "Threads that detect; partitions are shared among them")),
        ("ingest", count(1, "Threads that take in, for each cluster")),
        ("name", text("This process's name, the same over restarts and nobody else's")),
        ("fixed", flag("Whether the groups know this process by its name")),
        ("protocol", choice("How groups share partitions", ["classic", "broker"])),
        ("session", span("Without a sign of life for so long a worker is dead")),
        ("transaction", span("A transaction open for longer is aborted by the broker")),
        ("batch_records", count(1, "Records of one batch")),
        ("batch_bytes", count(1, "Bytes of one batch's records; one record may be more")),
        (
            "breaker",
            count(
                0,
                "Records in a row that can't be read, after which a partition is halted; 0 never halts",
            ),
        ),
        (
            "breaker_percent",
            count(
                0,
                "Of 2,000 records of a partition so many in a hundred may be unreadable, else \
                it is halted; 100 never halts",
            ),
        ),
        ("shutdown", span("How long an orderly end may take")),
    ];
    object("How the service's workers are set up", &[], keys)
}

fn topics() -> Json {
    let count = |doc: &str| json!({"type": "integer", "minimum": 1, "description": doc});
    let keys = vec![
        ("partitions", count("Partitions of topics that are spread by account")),
        ("replicas", count("Copies of each; the brokers' default where it is not given")),
    ];
    object("How `driftline topics --create` makes topics", &[], keys)
}

fn alerts() -> Json {
    let format = choice("JSON, or `driftline.v1.Alert` of `proto/`", ["ocsf", "proto"]);
    object("What is told on the alerts topic", &[], vec![("format", format)])
}

fn letters() -> Json {
    let body = choice("How much of it is kept", ["reference", "redacted", "full"]);
    object("Refused records", &[], vec![("body", body)])
}

fn tenants() -> Json {
    let file = text(
        "The registry of accounts, relative to this file; without it each account is its own tenant",
    );
    object("Whose the accounts are", &[], vec![("file", file)])
}

fn listen() -> Json {
    said(
        "`address:port` where `/metrics` is served; loopback unless you say otherwise: there is no log-in",
        json!({"type": "string", "pattern": "^.+:[0-9]{1,5}$", "default": "127.0.0.1:9464"}),
    )
}

fn telemetry() -> Json {
    let keys = vec![
        ("log_format", choice("How logs are written to stderr", ["text", "json"])),
        // YAML 1.1 readers take `off` for false.
        ("tenant_label", said("Whether metrics carry the tenant", json!({"enum": ["off", false]}))),
    ];
    object("Logs and metrics", &[], keys)
}

/// Limits that are spans of time; the others are counts.
const SPANS: [&str; 3] = ["lateness", "settle", "pending"];

fn limits() -> Json {
    let keys = LIMITS.iter().map(|name| {
        let doc = about(name);
        let schema = if SPANS.contains(name) {
            span(doc)
        } else {
            json!({"type": "integer", "minimum": 1, "description": doc})
        };
        (*name, schema)
    });
    object(
        "Bounds. At a bound a record or event is refused with a reason, or the account concerned (and only it) is degraded, visibly",
        &[],
        keys.collect(),
    )
}

/// What a limit bounds. The test below holds it complete.
fn about(name: &str) -> &'static str {
    match name {
        "record_bytes" => "Bytes of one record; a larger one is refused",
        "decompressed_bytes" => "Bytes one record may decompress to, all levels together",
        "depth" => "Nesting of JSON",
        "nodes" => "JSON values in one event",
        "unwrap_levels" => "Envelopes around one event",
        "events_per_record" => "Events in one record; those beyond are refused, the others stay",
        "text_bytes" => {
            "Bytes of one text kept in state or told in an alert; longer ones are cut with a mark"
        }
        "facet_bytes" => {
            "Bytes that one event says of one facet; of a larger one it is known only that it changed"
        }
        "elements" => "Elements of one set; a facet with more is judged as partial on the newest",
        "resources_per_cell" => "Resources of one account of one tenant",
        "recent_events" => "Events remembered one by one for each resource",
        "lateness" => "How late an event may come and still be put in its place",
        "settle" => "How long a snapshot does not overrule what an audit event said",
        "pending" => "After this a started operation without an end is applied as provisional",
        "operations" => {
            "Asynchronous operations remembered per account; the oldest is given up beyond it"
        }
        "orphans" => "Writes per account that wait for the resource with the element they name",
        "namesakes" => "Resources that one element's name may lead to",
        "remembered_ids" => "Event ids remembered per account, to know a repeated event",
        "findings_per_cell" => "Open findings of one account",
        "window_entries" => "Entries of one window's memory",
        "fuel" => "Units of work of one evaluation",
        "fan_out" => {
            "Resources derived again because of one event; the rest waits for the next tick"
        }
        "derive_depth" => "Hops of references that a derived value may be away",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_described() {
        for name in LIMITS {
            assert!(!about(name).is_empty(), "`{name}` has no description");
        }
    }

    #[test]
    fn the_example_is_valid_and_a_misspelt_key_is_not() {
        let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
        let text = include_str!("../../config/driftline.yaml");
        let example: Json = serde_saphyr::from_str(text).expect("it is YAML");
        let faults: Vec<String> =
            validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        for broken in [
            json!({"telemtry": {}}),
            json!({"limits": {"depth": 0}}),
            json!({"limits": {"settle": "soon"}}),
            json!({"web": {"listen": "nowhere"}}),
            json!({"log": "rabbit"}),
            json!({"sources": [{"topic": "t", "tenant": {"fixed": "a", "header": "b"}}]}),
        ] {
            assert!(!validator.is_valid(&broken), "{broken}");
        }
    }
}
