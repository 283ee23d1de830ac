//! Whatever a file holds, loading it ends with content or with faults.

use proptest::prelude::*;

use super::*;

const PIECES: [&str; 24] = [
    "'", "\"", "{", "}", "[", "]", ": ", ",", "|", ">", "\n", "\t", "  ", "é", "\\u12", "&a", "*a",
    "-", "list<", "(", ")", " in ", ";", "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_damage_to_a_file_is_told_or_harmless(
        file in 0..3_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 0..PIECES.len(), 0..9_usize), 1..4),
    ) {
        let mut text = [TYPES, good::HUAWEI, reports::DETECTORS][file].to_owned();
        for (at, piece, length) in damage {
            let mut start = at.index(text.len());
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, PIECES[piece]);
        }
        let mut files = files(&[("m.yaml", reports::MAPPING)]);
        files.add(["types.yaml", "h.yaml", "d.yaml"][file], text);
        match load(&files, &tables()) {
            Ok((content, warnings)) => {
                let _ = (coverage(&content).to_text(), listing(&warnings));
            }
            Err(faults) => {
                prop_assert!(faults.iter().any(|fault| fault.level == Level::Error));
                let _ = (listing(&faults), sarif(&faults));
            }
        }
    }
}
