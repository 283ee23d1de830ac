//! A partition that came: its state is read from the state topic, a piece a turn.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::{info, warn};

use crate::log::{
    Admin as _, Incoming, Isolation, Log, LogError, Offset, Polled, Reader as _, TopicPartition,
};
use crate::wire;

use super::Happening;
use super::detect::Detect;
use super::sabotage::Mutant;
use super::shard::{Parts, Phase, Restore};
use super::topics::{RowKey, RowKeys};

/// How long one call may take while other partitions wait.
const TRY: Duration = Duration::from_millis(100);
/// Rows taken in a turn.
const PIECE: usize = 20_000;

impl<L: Log> Detect<L> {
    /// Restores a piece of the first partition that waits for it; whether any does.
    pub(super) fn restore(&mut self) -> Result<bool, LogError> {
        let waits = |phase: &Phase| matches!(phase, Phase::Waiting | Phase::Restoring(_));
        // One that began goes first: there is one reader.
        let next = self
            .shards
            .iter()
            .filter(|(_, shard)| waits(&shard.phase))
            .min_by_key(|(number, shard)| (matches!(shard.phase, Phase::Waiting), **number))
            .map(|(number, _)| *number);
        let Some(number) = next else { return Ok(false) };
        let done = self.restore_one(number);
        match done {
            Ok(()) => Ok(true),
            // Brokers that just came back do not know every topic yet; the start saw them all.
            Err(error) if error.is_passing() => {
                self.failed(&error);
                Ok(true)
            }
            Err(LogError::Rebuild(trouble)) => {
                warn!(%trouble, "the reader is of no further use");
                self.reader = Some(self.log.reader(Isolation::Committed)?);
                if let Some(shard) = self.shards.get_mut(&number) {
                    shard.phase = Phase::Waiting;
                }
                Ok(true)
            }
            Err(LogError::Hole(hole)) => {
                // Compaction and retention moved on while it was read: from the start again.
                warn!(%hole, "the state is read again from its start");
                if let Some(shard) = self.shards.get_mut(&number) {
                    shard.phase = Phase::Waiting;
                }
                Ok(true)
            }
            Err(other) => Err(other),
        }
    }

    fn state_of(&self, number: u32) -> TopicPartition {
        TopicPartition::new(&self.settings.topics.state, number)
    }

    fn restore_one(&mut self, number: u32) -> Result<(), LogError> {
        let state = self.state_of(number);
        let Some(shard) = self.shards.get(&number) else { return Ok(()) };
        if matches!(shard.phase, Phase::Waiting) {
            return self.begin_restore(number, &state);
        }
        let (Some(reader), Some(shard)) = (&mut self.reader, self.shards.get_mut(&number)) else {
            return Ok(());
        };
        let Phase::Restoring(restore) = &mut shard.phase else { return Ok(()) };
        let mut wrong = None;
        // Where the reader stands is a costly question, and hardly ever of interest.
        let mut near = true;
        for _ in 0..PIECE {
            if near && reader.position(&state).is_some_and(|at| at >= restore.target) {
                reader.stop(std::slice::from_ref(&state))?;
                return self.end_restore(number);
            }
            near = false;
            let polled = reader.poll(TRY, &mut |row| {
                if *row.topic != *state.topic || row.partition != state.partition {
                    return;
                }
                near = row.offset.0 + 1 >= restore.target.0;
                if row.offset < restore.target
                    && let Err(why) = restore.take(row)
                {
                    wrong = wrong.take().or(Some(why));
                }
            })?;
            // Behind the last row markers may stand.
            near |= matches!(polled, Polled::End(_));
            if wrong.is_some() || matches!(polled, Polled::Idle) {
                break;
            }
        }
        if let Some(why) = wrong {
            reader.stop(std::slice::from_ref(&state))?;
            self.halt(number, &why);
        }
        Ok(())
    }

    /// Learns where the partition is, once no transaction can change that any more.
    fn begin_restore(&mut self, number: u32, state: &TopicPartition) -> Result<(), LogError> {
        let began = self.clock.now();
        let stable = self.is_broken(Mutant::RestoreToStable);
        let (Some(admin), Some(reader), Some(shard)) =
            (&mut self.admin, &mut self.reader, self.shards.get_mut(&number))
        else {
            return Ok(());
        };
        let of = std::slice::from_ref(&shard.of);
        let committed = admin.committed(&self.settings.group, of, TRY)?.pop().flatten();
        let first = admin.bounds(&shard.of, Isolation::Committed, TRY)?.first;
        // A committed transaction may stand behind one that is still open.
        let isolation = if stable { Isolation::Committed } else { Isolation::Uncommitted };
        let rows = admin.bounds(state, isolation, TRY)?;
        reader.start(&[(state.clone(), rows.first)])?;
        info!(partition = number, from = rows.first.0, to = rows.end.0, "restoring");
        shard.phase = Phase::Restoring(Box::new(Restore {
            committed,
            first,
            target: rows.end,
            began,
            rows: 0,
            own: shard.make.fingerprint,
            keys: RowKeys::default(),
            accounts: BTreeMap::new(),
            names: BTreeMap::new(),
            progress: None,
        }));
        Ok(())
    }

    /// Makes an engine of what was read, and reads the changes on from there.
    fn end_restore(&mut self, number: u32) -> Result<(), LogError> {
        let Some(shard) = self.shards.get_mut(&number) else { return Ok(()) };
        let Phase::Restoring(restore) = std::mem::replace(&mut shard.phase, Phase::Live) else {
            return Ok(());
        };
        let Restore { committed, first, began, rows, accounts, names, progress, .. } = *restore;
        // There may be newer content than when it came.
        shard.make = self.make.clone();
        let mut engine = self.make.engine();
        shard.names = names.keys().copied().collect();
        for (cell, parts) in accounts {
            let own = self.make.fingerprint;
            let print = parts.print();
            let schema = print.filter(|print| *print != own).and_then(|print| names.get(&print));
            if print.is_none() || (print != Some(own) && schema.is_none()) {
                let why = format!("the rows of {cell} are of no one form; restore the state topic");
                self.halt(number, &why);
                return Ok(());
            }
            if let Err(strange) = engine.take_up(cell, parts.into_bytes(), schema) {
                self.halt(number, &strange.to_string());
                return Ok(());
            }
        }
        shard.engine = engine;
        let offset = committed.as_ref().map(|committed| committed.next);
        let applied = progress.as_ref().map(|progress| Offset(progress.input_offset));
        if let Some(progress) = &progress {
            shard.time.newest = progress.watermark;
            shard.time.reached = progress.heard;
        }
        shard.next = match (applied, offset) {
            (Some(applied), _) => applied,
            (None, None) => first,
            (None, Some(offset)) if offset <= first => first,
            (None, Some(offset)) => {
                let why = format!(
                    "changes up to offset {} were applied, and the state topic knows nothing of \
                     it: it was deleted or is another; restore it, or reset the group's offsets \
                     to begin anew",
                    offset.0
                );
                self.halt(number, &why);
                return Ok(());
            }
        };
        let judged = progress.as_ref().and_then(|progress| progress.content);
        let known = judged == Some(shard.make.content.digest);
        shard.owes = (!known).then_some(shard.next);
        let torn = matches!((applied, offset), (Some(applied), offset) if Some(applied) != offset);
        let at = [(shard.of.clone(), shard.next)];
        let took = self.clock.now().lasted(began);
        info!(partition = number, rows, ?took, "restored");
        if torn {
            warn!(partition = number, ?applied, ?offset, "state and offsets disagreed");
            self.tell(&Happening::Torn(number));
        }
        self.tell(&Happening::Restored { partition: number, rows, took });
        self.start(&at)
    }
}

impl Restore {
    /// Takes in a row.
    ///
    /// # Errors
    /// Why the partition can't be restored.
    fn take(&mut self, row: &Incoming<'_>) -> Result<(), String> {
        self.rows += 1;
        let at = row.offset.0;
        let unreadable = |what: &str| format!("the row at offset {at} of the state topic {what}");
        let newer = "was written by a newer version; upgrade Driftline, nothing is lost";
        let key = row.key.and_then(|key| self.keys.decode(key)).ok_or_else(|| unreadable(newer))?;
        let told = |error: wire::WireError| match error {
            wire::WireError::Newer { .. } => unreadable(newer),
            wire::WireError::Malformed(detail) => unreadable(&format!("can't be read: {detail}")),
        };
        match (key, row.value) {
            (RowKey::Progress, Some(value)) => {
                self.progress = Some(wire::state::Progress::decode(value).map_err(told)?);
            }
            (RowKey::Names(print), Some(value)) => {
                self.names.insert(print, wire::names::decode(value).map_err(told)?);
            }
            (RowKey::Part(cell, part), Some(value)) => {
                let row = wire::state::Row::decode(value).map_err(told)?;
                let parts = self.accounts.entry(cell).or_insert_with(|| Parts::new(self.own));
                parts.insert(part, row.payload.into_boxed_slice(), row.schema);
            }
            (RowKey::Progress, None) => self.progress = None,
            (RowKey::Names(print), None) => drop(self.names.remove(&print)),
            (RowKey::Part(cell, part), None) => {
                if let Some(parts) = self.accounts.get_mut(&cell) {
                    parts.remove(&part);
                    if parts.is_empty() {
                        self.accounts.remove(&cell);
                    }
                }
            }
        }
        Ok(())
    }
}
