//! What the tests of this room share: messages as the `.proto` files see them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use protox::prost_reflect::text_format::FormatOptions;
use protox::prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};

use super::WireError;
use crate::content::{Content, Files, load};
use crate::model::Schema;

/// The bytes as the declared message of that file.
pub(super) fn shown(file: &str, message: &str, bytes: &[u8]) -> DynamicMessage {
    let file = format!("driftline/v1/{file}");
    let files = protox::compile([file], ["proto"]).expect("it compiles");
    let pool = DescriptorPool::from_file_descriptor_set(files).expect("it is whole");
    let name = format!("driftline.v1.{message}");
    let declared = pool.get_message_by_name(&name).expect("it is declared");
    DynamicMessage::decode(declared, bytes).expect("the declared message reads it")
}

/// The message by the names that the file declares, on one line.
pub(super) fn text(message: &DynamicMessage) -> String {
    let options = FormatOptions::new().pretty(true).print_message_fields_in_index_order(true);
    let lines = message.to_text_format_with_options(&options);
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asserts that every field the file declares is set somewhere in the samples, and that nothing
/// is written that is not declared.
pub(super) fn complete(samples: &[DynamicMessage]) {
    let (mut declared, mut set) = (BTreeSet::new(), BTreeSet::new());
    for sample in samples {
        collect(sample, &mut declared, &mut set);
    }
    let missing: Vec<_> = declared.difference(&set).collect();
    assert!(missing.is_empty(), "declared and never written: {missing:?}");
}

fn collect(message: &DynamicMessage, declared: &mut BTreeSet<String>, set: &mut BTreeSet<String>) {
    let descriptor = message.descriptor();
    let name = descriptor.full_name();
    assert_eq!(message.unknown_fields().count(), 0, "{name} writes an undeclared field");
    declared.extend(descriptor.fields().map(|field| field.full_name().to_owned()));
    for (field, value) in message.fields() {
        set.insert(field.full_name().to_owned());
        if let Some(inner) = value.as_message() {
            collect(inner, declared, set);
        }
        for inner in value.as_list().into_iter().flatten().filter_map(Value::as_message) {
            collect(inner, declared, set);
        }
    }
}

/// Asserts that a newer version is refused as such, whatever else is there, and that bytes of no
/// version are malformed.
pub(super) fn refuses_what_is_newer<T: Debug + PartialEq>(
    decode: impl Fn(&[u8]) -> Result<T, WireError>,
) {
    // The second and third fields are what no field of ours is: groups of four bytes.
    let rest = [0x15, 1, 2, 3, 4, 0x1d, 5, 6, 7, 8];
    for (version, newer) in [(&[2][..], 2), (&[0xff, 0xff, 0xff, 0xff, 0x0f], u32::MAX)] {
        let bytes = [&[8], version, &rest].concat();
        assert_eq!(decode(&bytes), Err(WireError::Newer { version: newer }));
        let last = [&rest, &[8][..], version].concat();
        assert_eq!(decode(&last), Err(WireError::Newer { version: newer }), "fields in any order");
    }
    for bytes in [&[][..], &rest, &[8, 0], &[8, 1, 0x15, 1, 2, 3, 4, 0x1d, 5, 6, 7, 8], b"{}"] {
        let refused = decode(bytes);
        assert!(matches!(refused, Err(WireError::Malformed(_))), "{bytes:?}: {refused:?}");
    }
}

/// The shipped pack, loaded once.
pub(super) fn pack() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| Arc::new(loaded(&Files::shipped()))))
}

/// A schema of the documents of one file.
pub(super) fn schema(text: &str) -> Schema {
    let mut files = Files::new();
    files.add("config/content/own.yaml", text.to_owned());
    loaded(&files).schema.clone()
}

fn loaded(files: &Files) -> Content {
    match load(files, &crate::cloud::tables()) {
        Ok((content, _)) => content,
        Err(faults) => panic!("it does not load: {}", faults[0]),
    }
}
