//! Any bytes at all: no panic, at least one outcome, and the two looks agree.

use bumpalo::Bump;
use proptest::prelude::*;

use super::wire::fixture;
use super::{outcomes, outcomes_with};
use crate::decode::keys::Order;
use crate::decode::leaf;
use crate::decode::parse::{self, Budget};
use crate::decode::scan::{Look, Tools};
use crate::model::{Format, Limits};

const NAMES: [&str; 24] = [
    "trace_name",
    "service_type",
    "resource_type",
    "read_only",
    "trace_rating",
    "trace_status",
    "eventSource",
    "eventName",
    "readOnly",
    "errorCode",
    "operationName",
    "value",
    "resultType",
    "protoPayload",
    "serviceName",
    "methodName",
    "status",
    "code",
    "objectRef",
    "verb",
    "api",
    "operation",
    "data",
    "x",
];

fn escaped(name: &str, at: usize) -> String {
    let at = at % name.len();
    let letter = name.as_bytes()[at];
    format!("{}\\u{letter:04x}{}", &name[..at], &name[at + 1..])
}

fn member() -> impl Strategy<Value = String> {
    (0..NAMES.len(), prop::option::of(0..20_usize)).prop_map(|(name, escape)| match escape {
        Some(at) => escaped(NAMES[name], at),
        None => NAMES[name].to_owned(),
    })
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"true\"".to_owned()),
        Just("\"warning\"".to_owned()),
        Just("\"Microsoft.X/y/WRITE\"".to_owned()),
        Just("\"a\\\\\\\"}],b\\u00e9\\n\"".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        "[a-zA-Z.]{0,8}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[ {} ]", items.join(" , "))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let colon = prop::sample::select(&[":", ":", " : "][..]);
    prop::collection::vec((member(), colon, value), 0..8).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, colon, value)| format!("\"{name}\"{colon}{value}"))
            .collect();
        format!("{{{}\n}}", members.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cheap_look_and_the_full_parse_agree(text in object(json()), other in object(json())) {
        let (arena, order) = (Bump::new(), Order::default());
        let tools = Tools { arena: &arena, order: &order };
        // What was met before is expected, and no object is read otherwise for it.
        for text in [&other, &text, &text, &other] {
            let mut budget = Budget { depth: 64, nodes: 10_000 };
            let tree = parse::parse(text.as_bytes(), &arena, &mut budget).expect("valid");
            let mut look = Look::new(text.as_bytes(), tools);
            let end = look.scan(0).expect("valid");
            prop_assert_eq!(end, text.len());
            for format in Format::ALL {
                let cheap = leaf::keyed(format, &look, &arena);
                let full = leaf::keyed(format, &tree, &arena);
                prop_assert_eq!(format!("{cheap:?}"), format!("{full:?}"));
            }
        }
    }

    #[test]
    fn our_parser_takes_what_serde_json_takes(text in json()) {
        let arena = Bump::new();
        let mut budget = Budget { depth: 64, nodes: 10_000 };
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        prop_assert!(parse::parse(text.as_bytes(), &arena, &mut budget).is_ok());
    }

    #[test]
    fn our_parser_refuses_what_serde_json_refuses(text in "[\\[\\]{}:,\"\\\\a0-9eE+.tn -]{0,12}") {
        let arena = Bump::new();
        let mut budget = Budget { depth: 64, nodes: 10_000 };
        let ours = parse::parse(text.as_bytes(), &arena, &mut budget).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let range = theirs.as_ref().is_err_and(|error| error.to_string().contains("range"));
        prop_assert!(ours == theirs.is_ok() || range, "{text}: {theirs:?}");
    }

    #[test]
    fn any_bytes_have_an_outcome(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!outcomes(&bytes).is_empty());
    }

    #[test]
    fn any_json_has_an_outcome(text in json()) {
        prop_assert!(!outcomes(text.as_bytes()).is_empty());
        prop_assert!(!outcomes_with(text.as_bytes(), Limits::default(), false).is_empty());
    }

    #[test]
    fn spoilt_examples_have_an_outcome(
        which in 0..FILES.len(),
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut value = fixture(FILES[which]);
        for (place, byte) in spoils {
            let place = place.index(value.len());
            value[place] = byte;
        }
        if let Some(cut) = cut {
            value.truncate(cut.index(value.len()));
        }
        prop_assert!(!outcomes(&value).is_empty());
        prop_assert!(!outcomes_with(&value, Limits::default(), false).is_empty());
    }
}

const FILES: [&str; 12] = [
    "huawei-cts-list",
    "huawei-config-smn",
    "huawei-config-snapshot",
    "aws-cloudtrail-file",
    "aws-cloudtrail-sqs",
    "aws-cloudtrail-awslogs",
    "aws-config",
    "azure-activity",
    "azure-event-grid-notification",
    "gcp-audit-push",
    "gcp-asset",
    "kubernetes-audit",
];
