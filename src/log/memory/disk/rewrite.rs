//! A journal written anew from what is live: compacted, expired and overwritten things are left
//! behind.

use std::io::{self, Write};

use tracing::{info, warn};

use super::super::broker::Broker;
use super::super::partition::Entry;
use super::folder::{EMPTY, Replaced};
use super::frame::encode;
use super::{Change, FRAME, Noted, Place, STEP, Unwritten};

/// Bytes of a committed offset beside its texts, and a frame's share.
const BESIDE: usize = 32;

/// Writes frames to a file that is not known to be on the disk.
struct Sheet<'w> {
    out: &'w mut dyn Write,
    frame: Vec<u8>,
    length: u64,
}

impl Sheet<'_> {
    fn put(&mut self, synced: u64, change: Change) -> io::Result<()> {
        self.frame.clear();
        encode(synced, &[change], &mut self.frame).map_err(io::Error::other)?;
        self.length += self.frame.len() as u64;
        self.out.write_all(&self.frame)
    }
}

impl Broker {
    /// Writes the journal anew where that is worth it. To be called between two calls, when all
    /// that is written is carried out.
    pub(in super::super) fn tidy(&mut self) {
        let Some(journal) = &self.journal else { return };
        if journal.length < journal.look_at {
            return;
        }
        let live = self.live();
        let Some(journal) = &mut self.journal else { return };
        if journal.length < journal.least || journal.length <= 2 * live {
            journal.look_at = journal.length + STEP.min(journal.least);
            return;
        }
        let Some(mut journal) = self.journal.take() else { return };
        let before = journal.length;
        match journal.folder.replace(|out| self.write_all_to(out)) {
            Ok(Replaced { file, length, settled }) => {
                journal.medium = Box::new(file);
                journal.length = length;
                journal.synced = length;
                // All of it is carried out, and so in the new file.
                journal.waiting.clear();
                journal.look_at = (length + STEP.min(journal.least)).max(journal.least);
                if let Err(error) = settled {
                    let detail = format!("the log's folder cannot be brought to the disk: {error}");
                    journal.trouble = Some(Unwritten { detail, broken: true });
                }
                info!(before, bytes = length, "the log was written anew");
            }
            Err(error) => {
                journal.look_at = before + STEP.min(journal.least);
                warn!(%error, "the log cannot be written anew; the old journal goes on");
            }
        }
        self.journal = Some(journal);
    }

    /// About how many bytes a journal takes that holds what is live alone.
    fn live(&self) -> u64 {
        let logs = self.topics.values().flat_map(|topic| &topic.partitions);
        let records: usize = logs.map(super::super::partition::PartitionLog::size).sum();
        let offsets = self.groups.iter().flat_map(|(group, found)| {
            found.offsets.iter().map(|(of, committed)| {
                group.len() + of.topic.len() + committed.receipt.len() + BESIDE
            })
        });
        EMPTY + (records + offsets.sum::<usize>()) as u64
    }

    fn write_all_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut sheet = Sheet { out, frame: Vec::new(), length: EMPTY };
        for (name, topic) in &self.topics {
            sheet.put(0, topic.made(name))?;
            for (number, log) in (0_u32..).zip(&topic.partitions) {
                let at = Place::from(&super::TopicPartition::new(name, number));
                let mut entries: Vec<Entry> = Vec::new();
                let mut bytes = 0;
                for entry in log.entries() {
                    if bytes + entry.size() > FRAME && !entries.is_empty() {
                        let entries = std::mem::take(&mut entries);
                        sheet.put(0, Change::Held { at: at.clone(), entries })?;
                        bytes = 0;
                    }
                    bytes += entry.size();
                    entries.push(entry.clone());
                }
                if !entries.is_empty() {
                    sheet.put(0, Change::Held { at: at.clone(), entries })?;
                }
                sheet.put(0, log.bounds(at))?;
            }
        }
        for (group, found) in &self.groups {
            let noted: Vec<Noted> = found
                .offsets
                .iter()
                .map(|(of, committed)| Noted {
                    group: group.clone(),
                    of: of.into(),
                    next: committed.next.0,
                    receipt: committed.receipt.clone(),
                })
                .collect();
            for some in noted.chunks(1_000) {
                sheet.put(0, Change::Noted(some.to_vec()))?;
            }
        }
        // Nobody reads this file before it is on the disk: the last frame vouches for the others.
        let length = sheet.length;
        sheet.put(length, Change::Numbered(self.numbers))
    }
}
