//! Files into the embedded log. What enters is a file or folder; what leaves are records of a topic,
//! and beside them how far each file was read.
//!
//! **Invariant:** records and the place behind them are one write. So where the log is kept, a
//! restart goes on behind the last record that is in it: none is missing and none is there twice.
//!
//! A file is known by its path and its first [`HEAD`] bytes. What is not a plain file (stdin, a
//! pipe) has no place to go on from: it is read as it comes, and what a process had taken out of
//! it and not yet written is gone with the process.

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use tracing::{info, warn};
use xxhash_rust::xxh3::xxh3_64;

use crate::log::TopicPartition;
use crate::log::memory::Memory;
use crate::log::{Admin as _, Commit, Committed, Log as _, LogError, Offset, Outgoing, To};
use crate::worker::Clock as _;

use super::clock::Wall;
use super::input::{Source, sources};
use super::service::Shared;
use super::split::{Place, Splitter};

/// Bytes of a file's beginning, by which it is known again.
const HEAD: u64 = 4_096;
/// Records of one write.
const RECORDS: usize = 500;
/// Bytes of one write, but for its last record.
const BYTES: usize = 1 << 20;
/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The embedded topic that a file or folder goes to: the same whatever else is read.
pub(super) fn topic_of(path: &Path) -> Arc<str> {
    /// Letters of the file's own name.
    const NAME: usize = 64;
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = whole.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().take(NAME).map(plain).collect();
    format!("files.{name}.{:016x}", xxh3_64(whole.as_os_str().as_encoded_bytes())).into()
}

/// Reads a file or folder into its topic.
pub(super) struct Intake {
    pub log: Memory,
    pub topic: Arc<str>,
    pub path: PathBuf,
    /// Before every group's name.
    pub group_prefix: String,
    /// Of a longer record the first bytes, and one more, are taken.
    pub limit: usize,
    pub shared: Arc<Shared>,
}

/// How far a file was read, and by what it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    place: Place,
    /// Bytes of its beginning.
    head: usize,
    hash: u64,
}

impl Mark {
    fn new(place: Place, head: &[u8]) -> Self {
        let known = usize::try_from(place.bytes).unwrap_or(usize::MAX).min(head.len());
        Self { place, head: known, hash: xxh3_64(&head[..known]) }
    }

    /// Whether the file that begins so is the one that was read.
    fn is_of(&self, head: &[u8]) -> bool {
        head.get(..self.head).is_some_and(|head| xxh3_64(head) == self.hash)
    }

    fn commit(&self, of: TopicPartition) -> Commit {
        let mode = if self.place.in_array { "array" } else { "values" };
        let receipt = format!("{mode} {} {:016x}", self.head, self.hash);
        Commit { of, next: Offset(self.place.bytes), receipt }
    }

    /// `None` where it was not written by [`Mark::commit`].
    fn read(committed: &Committed) -> Option<Self> {
        let mut words = committed.receipt.split(' ');
        let in_array = match words.next()? {
            "array" => true,
            "values" => false,
            _ => return None,
        };
        let head = words.next()?.parse().ok()?;
        let hash = u64::from_str_radix(words.next()?, 16).ok()?;
        let place = Place { bytes: committed.next.0, in_array };
        Some(Self { place, head, hash })
    }
}

/// A file that is being read.
struct Open {
    splitter: Splitter<Box<dyn Read + Send>>,
    head: Vec<u8>,
}

/// Records that are to be written together.
#[derive(Default)]
struct Batch {
    values: Vec<Vec<u8>>,
    bytes: usize,
}

impl Intake {
    /// Starts to read, on a thread of its own.
    pub(super) fn start(self) -> anyhow::Result<JoinHandle<()>> {
        let run = move || {
            if let Err(error) = self.run() {
                warn!(
                    path = %self.path.display(), error = %format!("{error:#}"),
                    "a source ended early"
                );
                if let Some(LogError::Stop(trouble)) = error.downcast_ref::<LogError>() {
                    self.shared.fail(trouble.to_string());
                }
            }
        };
        Ok(thread::Builder::new().name("source".to_owned()).spawn(run)?)
    }

    fn run(&self) -> anyhow::Result<()> {
        for source in sources(std::slice::from_ref(&self.path))? {
            if self.shared.is_stopped() {
                return Ok(());
            }
            match self.file(&source) {
                Ok(()) => {}
                Err(error) if error.is::<LogError>() => return Err(error),
                Err(error) => {
                    let (path, error) = (source.name(), format!("{error:#}"));
                    warn!(path, error, "a file was not read to its end; the next start goes on");
                }
            }
        }
        if !self.shared.is_stopped() {
            info!(path = %self.path.display(), "a source was read to its end");
        }
        Ok(())
    }

    fn file(&self, source: &Source) -> anyhow::Result<()> {
        let name = source.path.as_ref().map(std::path::absolute).transpose()?;
        let name = name.map_or_else(|| "-".to_owned(), |path| path.display().to_string());
        let of = TopicPartition::new(&name, 0);
        let is_plain = source.bytes.is_some();
        let known = if is_plain { self.known(&of)? } else { None };
        let mut open = self.open(source, known)?;
        let most = if is_plain { RECORDS } else { 1 };
        loop {
            let (batch, ended) = self.gather(&mut open.splitter, most);
            if !batch.values.is_empty() {
                self.pour(
                    &batch,
                    &Mark::new(open.splitter.place(), &open.head).commit(of.clone()),
                )?;
            }
            match ended {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(error).with_context(|| format!("`{}`", source.name())),
            }
        }
    }

    /// How far a file was read, in this run or one before.
    fn known(&self, of: &TopicPartition) -> Result<Option<Mark>, LogError> {
        let mut admin = self.log.admin()?;
        let ask = || admin.committed(&self.group(), std::slice::from_ref(of), PATIENCE);
        let found = self.insist(ask)?;
        Ok(found.into_iter().flatten().flatten().next().as_ref().and_then(Mark::read))
    }

    fn group(&self) -> String {
        format!("{}{}", self.group_prefix, self.topic)
    }

    /// Opens a file at the place up to which it is known, or at its start.
    fn open(&self, source: &Source, known: Option<Mark>) -> anyhow::Result<Open> {
        let context = || format!("`{}`", source.name());
        let Some(mark) = known else { return self.open_at(source, None).with_context(context) };
        match self.open_at(source, Some(mark)).with_context(context)? {
            open if open.splitter.place() == mark.place => Ok(open),
            _ => {
                info!(
                    path = source.name(),
                    "another file is there now, and is read from its start"
                );
                self.open_at(source, None).with_context(context)
            }
        }
    }

    /// Opens a file at a mark; at its start where it is another file.
    fn open_at(&self, source: &Source, mark: Option<Mark>) -> anyhow::Result<Open> {
        let mut reader = source.open(&ProgressBar::hidden())?;
        let mut head = Vec::new();
        if source.bytes.is_some() {
            reader.by_ref().take(HEAD).read_to_end(&mut head)?;
        }
        let mut reader: Box<dyn Read + Send> = Box::new(Cursor::new(head.clone()).chain(reader));
        let mut place = Place::default();
        if let Some(mark) = mark.filter(|mark| mark.is_of(&head)) {
            // Compressed or not: what was read is read again, and nothing is made of it.
            let passed = io::copy(&mut reader.by_ref().take(mark.place.bytes), &mut io::sink())?;
            place = Place { bytes: passed, ..mark.place };
        }
        Ok(Open { splitter: Splitter::resume(reader, self.limit, place), head })
    }

    /// The next records, and whether there are no more.
    fn gather(
        &self,
        splitter: &mut Splitter<Box<dyn Read + Send>>,
        most: usize,
    ) -> (Batch, io::Result<bool>) {
        let mut batch = Batch::default();
        while batch.values.len() < most && batch.bytes < BYTES {
            if self.shared.is_stopped() {
                return (batch, Ok(true));
            }
            match splitter.next_record() {
                Ok(Some(value)) => {
                    batch.bytes += value.len();
                    batch.values.push(value.to_owned());
                }
                Ok(None) => return (batch, Ok(true)),
                Err(error) => return (batch, Err(error)),
            }
        }
        (batch, Ok(false))
    }

    fn pour(&self, batch: &Batch, commit: &Commit) -> Result<(), LogError> {
        let time = Wall.now();
        let (topic, to) = (&*self.topic, To::Key);
        let values = batch.values.iter().map(|value| Some(value.as_slice()));
        let records: Vec<Outgoing<'_>> = values
            .map(|value| Outgoing { topic, to, key: None, value, headers: &[], time, tag: 0 })
            .collect();
        let group = self.group();
        self.insist(|| self.log.pour(&records, &group, commit)).map(|_| ())
    }

    /// Calls until it is done; `None` where the service ends before.
    fn insist<T>(
        &self,
        mut call: impl FnMut() -> Result<T, LogError>,
    ) -> Result<Option<T>, LogError> {
        while !self.shared.is_stopped() {
            match call() {
                Err(LogError::Retry(_)) => {}
                done => return done.map(Some),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
