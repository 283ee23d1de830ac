//! Files that are read once, however often the process ends in between.

use std::fs;
use std::io::Write as _;

use super::*;
use crate::log::{Isolation, NewTopic, Polled, Reader as _};
use crate::model::Limits;

fn shared() -> Arc<Shared> {
    Shared::new(Arc::new(crate::content::Content::default()))
}

fn intake(log: &Memory, path: &Path) -> Intake {
    let topic = topic_of(path);
    let new =
        NewTopic { name: topic.to_string(), partitions: 1, replicas: None, settings: Vec::new() };
    log.admin().expect("an admin").create(&new, PATIENCE).expect("it is made");
    Intake {
        log: log.clone(),
        topic,
        path: path.to_owned(),
        group_prefix: "d.".to_owned(),
        limit: Limits::default().record_bytes,
        shared: shared(),
    }
}

/// Reads all there is.
fn read(log: &Memory, path: &Path) {
    intake(log, path).run().expect("it reads");
}

/// What the topic of a path holds.
fn held(log: &Memory, path: &Path) -> Vec<String> {
    let of = TopicPartition::new(&topic_of(path), 0);
    let mut reader = log.reader(Isolation::Committed).expect("a reader");
    reader.start(&[(of, Offset(0))]).expect("it starts");
    let mut values = Vec::new();
    loop {
        let polled = reader.poll(Duration::ZERO, &mut |record| {
            values.push(String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned());
        });
        if let Polled::End(_) = polled.expect("it reads") {
            return values;
        }
    }
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |text, number| format!("{text}{{\"n\":{number}}}\n"))
}

fn values(numbers: std::ops::Range<usize>) -> Vec<String> {
    lines(numbers).lines().map(str::to_owned).collect()
}

#[test]
fn a_file_is_read_once_and_what_is_added_to_it_by_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (kept, file) = (folder.path().join("log"), folder.path().join("records"));
    fs::write(&file, lines(0..1_200)).expect("written");
    for end in [1_200, 1_200, 1_205] {
        let log = Memory::in_folder(&kept).expect("it opens");
        if end > 1_200 {
            let mut file = fs::File::options().append(true).open(&file).expect("it opens");
            file.write_all(lines(1_200..end).as_bytes()).expect("written");
        }
        read(&log, &file);
        assert_eq!(held(&log, &file), values(0..end));
    }
}

#[test]
fn wherever_a_crash_cuts_the_log_every_record_is_there_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let gzip = |text: &str| {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(text.as_bytes()).expect("written");
        to.finish().expect("written")
    };
    let all = lines(0..1_300);
    let array = format!("[{}]", all.trim_end().replace('\n', ",\n"));
    for (name, bytes) in [
        ("lines", all.clone().into_bytes()),
        ("array", array.into_bytes()),
        ("gzip", gzip(&all)),
        ("zstd", zstd::encode_all(all.as_bytes(), 1).expect("encoded")),
    ] {
        let (kept, file) = (folder.path().join("whole"), folder.path().join(name));
        fs::write(&file, bytes).expect("written");
        let log = Memory::in_folder(&kept).expect("it opens");
        read(&log, &file);
        drop(log);
        let journal = fs::read(kept.join("journal")).expect("it is there");
        let mut unfinished = 0;
        for part in 1..40 {
            let cut = folder.path().join("cut");
            fs::create_dir_all(&cut).expect("made");
            fs::write(cut.join("journal"), &journal[..journal.len() * part / 39]).expect("written");
            let log = Memory::in_folder(&cut).expect("it opens");
            let before = log.admin().expect("an admin").describe(&topic_of(&file), PATIENCE);
            if before.expect("told").is_some() && held(&log, &file).len() < 1_300 {
                unfinished += 1;
            }
            read(&log, &file);
            assert_eq!(held(&log, &file), values(0..1_300), "{name}, {part} of 39");
        }
        assert!(unfinished > 10, "{name}: {unfinished}");
        fs::remove_dir_all(&kept).expect("removed");
    }
}

#[test]
fn another_file_of_the_same_name_is_read_from_its_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, file) = (Memory::new(), folder.path().join("records"));
    let mut all = Vec::new();
    for text in [lines(0..3), lines(7..20), lines(7..9)] {
        fs::write(&file, &text).expect("written");
        read(&log, &file);
        all.extend(text.lines().map(str::to_owned));
        assert_eq!(held(&log, &file), all);
    }
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = folder.path().join("records");
    fs::create_dir(&records).expect("made");
    let whole = zstd::encode_all(lines(0..1_000).as_bytes(), 1).expect("encoded");
    fs::write(records.join("a"), &whole[..whole.len() - 9]).expect("written");
    fs::write(records.join("b"), lines(0..2)).expect("written");
    let log = Memory::new();
    read(&log, &records);
    let held = held(&log, &records);
    assert_eq!(held[held.len() - 2..], values(0..2));
}

#[test]
fn two_paths_have_two_topics_and_one_path_has_one() {
    assert_eq!(topic_of(Path::new("a/x.json")), topic_of(&Path::new("./a").join("x.json")));
    assert_ne!(topic_of(Path::new("a/x.json")), topic_of(Path::new("b/x.json")));
    let topic = topic_of(Path::new("/a/wéird name"));
    assert!(topic.starts_with("files.w-ird-name."), "{topic}");
}

#[test]
fn a_mark_is_read_as_it_was_written() {
    for in_array in [false, true] {
        let mark = Mark::new(Place { bytes: 7, in_array }, b"0123456789");
        let Commit { next, receipt, .. } = mark.commit(TopicPartition::new("f", 0));
        assert_eq!(Mark::read(&Committed { next, receipt }), Some(mark));
    }
    for receipt in ["", "values", "values x 1", "values 1 x", "other 1 1"] {
        let committed = Committed { next: Offset(1), receipt: receipt.to_owned() };
        assert_eq!(Mark::read(&committed), None, "{receipt:?}");
    }
}
