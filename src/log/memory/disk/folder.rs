//! The folder of a kept log: its lock, its journal, and a journal that takes the old one's place.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::DiskError;
use super::frame::{BEGIN, FORM, begin};

/// Held as long as a process has the log.
const LOCK: &str = "lock";
/// Everything that the log decided.
const JOURNAL: &str = "journal";
/// A journal that is not whole yet.
const FRESH: &str = "journal.new";

/// What a journal is written on.
pub(super) trait Medium: fmt::Debug + Send {
    /// Writes at the end; where that fails, any part of it may stand there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes away what stands behind so many bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Returns once everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A folder that is this process's alone.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Unlocked as it is closed, however the process ends.
    _lock: File,
}

/// A journal that took the old one's place.
pub(super) struct Replaced {
    pub(super) file: File,
    pub(super) length: u64,
    /// Whether that outlives a power cut.
    pub(super) settled: io::Result<()>,
}

impl Folder {
    /// Makes the folder where it is not there, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, DiskError> {
        let unusable = |source| DiskError::Folder { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = options.open(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DiskError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// The journal, at its end for writing; an empty one where there is none. What a process left
    /// of a journal that was not whole yet goes.
    pub(super) fn open(&self) -> io::Result<File> {
        let _ = fs::remove_file(self.path.join(FRESH));
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        match options.open(self.journal()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = self.replace(|_| Ok(()))?;
                made.settled?;
                options.open(self.journal())
            }
            opened => opened,
        }
    }

    /// Writes a journal beside the old one and, once it is whole and on the disk, has it take the
    /// old one's place. On an error before that the old one stands as it was.
    pub(super) fn replace(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Replaced> {
        let fresh = self.path.join(FRESH);
        let _ = fs::remove_file(&fresh);
        let write = || {
            let file = OpenOptions::new().append(true).create_new(true).open(&fresh)?;
            let mut out = Counted { to: BufWriter::with_capacity(1 << 20, file), length: 0 };
            out.write_all(&begin(FORM))?;
            fill(&mut out)?;
            let Counted { to, length } = out;
            let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&fresh, self.journal())?;
            Ok((file, length))
        };
        let written: io::Result<(File, u64)> = write();
        match written {
            Ok((file, length)) => Ok(Replaced { file, length, settled: self.settle() }),
            Err(error) => {
                let _ = fs::remove_file(&fresh);
                Err(error)
            }
        }
    }

    /// Sees the folder's own entries on the disk.
    fn settle(&self) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and names are kept with the files.
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }
}

/// Counts what is written.
struct Counted<W> {
    to: W,
    length: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The smallest whole journal.
pub(super) const EMPTY: u64 = BEGIN as u64;
