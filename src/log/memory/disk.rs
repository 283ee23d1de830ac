//! A journal of what the broker decides: changes enter, and a broker that is as it was leaves
//! when a process opens the folder again.
//!
//! Every change is written before it is carried out and answered, by one write for all of a call.
//! What an undecided transaction wrote, an abort and what cleaning deleted may wait for the next
//! write: lost, they come to the same, as an open transaction is aborted when the journal is
//! opened. After a decided commit and after committed offsets the call waits until the disk has
//! it. So a process that is killed loses nothing that was answered. A power cut loses at most what
//! was appended outside transactions since the last commit, and always from the end: what is left
//! is what stood there at some earlier time.
//!
//! A write that a crash cut short is taken away when the journal is opened. What is damaged
//! before that, as a later frame tells, is refused. Within what was written last a damage cannot
//! be told from a write cut short, and is taken for one.
//!
//! The journal is written anew from what is live once it is `LEAST` and twice that.
//!
//! **Invariant:** what is carried out is what is written, in the same order; a frame is read
//! whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};

use super::super::{Call, Cause, LogError, TopicPartition, Trouble};
use super::broker::Broker;
use super::partition::{ProducerId, Stored};

mod folder;
pub(super) mod frame;
mod read;
mod rewrite;
#[cfg(test)]
mod tests;

pub(super) use frame::{Change, Noted, Place};

use folder::{Folder, Medium};

/// A journal with fewer bytes is not written anew.
const LEAST: u64 = 16 << 20;

/// Between two looks at whether it is worth that, so many bytes are written.
const STEP: u64 = 4 << 20;

/// Bytes of an undecided transaction that may wait to be written.
const WAITING: usize = 4 << 20;

/// Bytes of records in one frame, but for a record that is larger alone.
const FRAME: usize = 1 << 20;

/// Why a folder cannot keep a log.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// It cannot be made, read or written.
    #[error(
        "the log's folder `{}` cannot be used; make it writable and see that the disk has room, \
         or name another in `embedded.folder`",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process keeps its log there.
    #[error(
        "another process keeps its log in `{}`; end that one, or give this one a folder of its \
         own in `embedded.folder`",
        path.display()
    )]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// The journal is damaged before its end.
    #[error(
        "`{}` is damaged at byte {offset}: {detail}; put the folder back from a copy, or move it \
         away: a new one begins with nothing, and files are read again from their beginning",
        file.display()
    )]
    Damaged {
        /// The journal.
        file: PathBuf,
        /// Where the damaged frame begins, in bytes.
        offset: u64,
        /// What is wrong there.
        detail: String,
    },
    /// The journal was written by a later version.
    #[error(
        "`{}` was written in form {form}, and this version reads up to {known}; upgrade \
         Driftline, nothing is lost",
        file.display()
    )]
    Newer {
        /// The journal.
        file: PathBuf,
        /// Its form.
        form: u32,
        /// The newest that is known.
        known: u32,
    },
}

/// When a change must have reached the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// With whatever is written next.
    Later,
    /// The same, unless much waits already.
    Soon,
    /// Before it is carried out.
    Now,
    /// Before it is carried out, and on the disk too.
    Synced,
}

/// A change could not be written, and was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unwritten {
    detail: String,
    /// Whether trying again is of no use: what the file holds is not known any more.
    broken: bool,
}

impl Unwritten {
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What the caller of a call hears that has done nothing.
    pub(super) fn again(&self, call: Call) -> LogError {
        let trouble = Trouble::new(call, Cause::Storage, self.detail.clone());
        if self.broken { LogError::Stop(trouble) } else { LogError::Retry(trouble) }
    }
}

/// A record that is to be appended once it is written.
pub(super) type Staged = (TopicPartition, Option<ProducerId>, Arc<Stored>);

/// The journal of one broker.
#[derive(Debug)]
pub(super) struct Journal {
    folder: Folder,
    medium: Box<dyn Medium>,
    /// Bytes of the file.
    length: u64,
    /// Of these, bytes that are on the disk.
    synced: u64,
    /// Frames that were carried out and are not written.
    waiting: Vec<u8>,
    staged: Vec<Staged>,
    /// What went wrong with the last write.
    trouble: Option<Unwritten>,
    /// At how many bytes to look whether it is worth being written anew.
    look_at: u64,
    least: u64,
}

impl Journal {
    fn new(folder: Folder, medium: Box<dyn Medium>, length: u64) -> Self {
        let (waiting, staged, trouble) = (Vec::new(), Vec::new(), None);
        let (look_at, least, synced) = (LEAST, LEAST, length);
        Self { folder, medium, length, synced, waiting, staged, trouble, look_at, least }
    }

    /// Takes a record that is to be appended.
    pub(super) fn stage(&mut self, record: Staged) {
        self.staged.push(record);
    }

    /// Gives out what was staged.
    pub(super) fn unstage(&mut self) -> Vec<Staged> {
        std::mem::take(&mut self.staged)
    }

    /// What keeps changes from being written, since the last write.
    pub(super) fn trouble(&self) -> Option<&Unwritten> {
        self.trouble.as_ref()
    }

    /// Notes changes that may wait, and that were carried out.
    pub(super) fn later(&mut self, changes: Vec<Change>) {
        for change in changes {
            // Only a frame of more than four gigabytes is refused, and these are small.
            let _ = frame::encode(self.synced, &[change], &mut self.waiting);
        }
    }

    /// Writes frames, each of several changes that go together, behind what waits.
    pub(super) fn write(&mut self, by: By, frames: &[Vec<Change>]) -> Result<(), Unwritten> {
        if let Some(broken) = self.trouble.as_ref().filter(|trouble| trouble.broken) {
            return Err(broken.clone());
        }
        let before = self.waiting.len();
        let mut encoded = Ok(());
        for changes in frames {
            encoded = encoded.and_then(|()| frame::encode(self.synced, changes, &mut self.waiting));
        }
        let written = match encoded {
            Err(detail) => Err(Unwritten { detail, broken: false }),
            Ok(()) if by == By::Later || by == By::Soon && self.waiting.len() <= WAITING => {
                return Ok(());
            }
            Ok(()) => self.flush(by),
        };
        match (&written, &self.trouble) {
            (Err(unwritten), None) => warn!(error = unwritten.detail, "the log cannot be written"),
            (Ok(()), Some(_)) => info!("the log can be written again"),
            (Err(_), Some(_)) | (Ok(()), None) => {}
        }
        if written.is_err() {
            self.waiting.truncate(before);
        }
        self.trouble = written.as_ref().err().cloned();
        written
    }

    fn flush(&mut self, by: By) -> Result<(), Unwritten> {
        let file = self.folder.journal();
        if let Err(error) = self.medium.append(&self.waiting) {
            let detail = format!("`{}` cannot be written: {error}", file.display());
            return Err(match self.medium.cut(self.length) {
                Ok(()) => Unwritten { detail, broken: false },
                Err(cut) => Unwritten {
                    detail: format!("{detail}, nor taken back: {cut}; start again"),
                    broken: true,
                },
            });
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        if by == By::Synced {
            // A disk that failed once may have dropped what it was given: trying again proves
            // nothing (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
            self.medium.sync().map_err(|error| Unwritten {
                detail: format!(
                    "`{}` cannot be brought to the disk: {error}; see to the disk, then start \
                     again",
                    file.display()
                ),
                broken: true,
            })?;
            self.synced = self.length;
        }
        Ok(())
    }
}

impl Drop for Journal {
    /// What waits is worth a try: without it nothing is wrong, but cleaning is done again.
    fn drop(&mut self) {
        let is_broken = self.trouble.as_ref().is_some_and(|trouble| trouble.broken);
        if !self.waiting.is_empty() && !is_broken && self.flush(By::Now).is_err() {
            warn!("the log's last cleaning was not written");
        }
    }
}

/// Records as frames of bounded size, those of one partition together.
pub(super) fn appended(
    staged: Vec<Staged>,
    mut end: impl FnMut(&TopicPartition) -> u64,
) -> Vec<Change> {
    type Run = (Vec<Arc<Stored>>, usize);
    let mut runs: std::collections::BTreeMap<(TopicPartition, Option<ProducerId>), Vec<Run>> =
        std::collections::BTreeMap::new();
    for (at, within, record) in staged {
        let size = record.size();
        let runs = runs.entry((at, within)).or_default();
        match runs.last_mut() {
            Some((records, bytes)) if *bytes + size <= FRAME => {
                records.push(record);
                *bytes += size;
            }
            _ => runs.push((vec![record], size)),
        }
    }
    let mut changes = Vec::new();
    for ((at, within), runs) in runs {
        let mut first = end(&at);
        for (records, _) in runs {
            let count = records.len() as u64;
            changes.push(Change::Appended { at: (&at).into(), first, within, records });
            first += count;
        }
    }
    changes
}

/// Opens a folder: the broker that its journal tells of.
pub(super) fn open(path: &Path) -> Result<Broker, DiskError> {
    let folder = Folder::take(path)?;
    let unusable = |source| DiskError::Folder { path: path.to_owned(), source };
    let mut file = folder.open().map_err(unusable)?;
    let mut broker = Broker::new();
    let whole = read::read(&mut file, &folder.journal(), &mut broker)?;
    let length = file.metadata().map_err(unusable)?.len();
    if whole < length {
        let (file, bytes) = (folder.journal(), length - whole);
        warn!(
            file = %file.display(), offset = whole, bytes,
            "the log's last write was cut short, and is taken away"
        );
    }
    let fresh = if whole < folder::EMPTY {
        // Nothing was ever written but a part of the beginning.
        let made = folder.replace(|_| Ok(())).map_err(unusable)?;
        made.settled.map_err(unusable)?;
        Some(made.file)
    } else {
        file.set_len(whole).map_err(unusable)?;
        file.sync_data().map_err(unusable)?;
        None
    };
    let file = fresh.unwrap_or(file);
    let journal = Journal::new(folder, Box::new(file), whole.max(folder::EMPTY));
    broker.keep_in(journal).map_err(|unwritten| unusable(io::Error::other(unwritten.detail)))?;
    Ok(broker)
}
