//! A transaction of unknown outcome: a new producer decides it, a receipt tells it.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::{info, warn};

use crate::log::{Admin as _, Cause, Log, LogError, Producer as _, Reader as _, TopicPartition};

use super::End;
use super::batch::Batch;
use super::detect::Detect;
use super::sabotage::Mutant;
use super::sweep::Sweep;

/// How long one try may take while the group waits for a sign of life.
const TRY: Duration = Duration::from_millis(500);

/// A batch of which nobody knows whether it was committed.
pub(super) struct Unsettled {
    pub batch: Batch,
}

impl<L: Log> Detect<L> {
    /// Whether a transaction may begin.
    pub(super) fn is_settled(&self) -> bool {
        self.producer.is_some() && self.unsettled.is_none() && matches!(self.swept, Sweep::Done)
    }

    /// One step towards a producer with nothing behind it.
    pub(super) fn settle(&mut self) -> Result<(), LogError> {
        let early = self.is_broken(Mutant::ReceiptEarly);
        if early && self.unsettled.is_some() {
            self.ask()?;
        }
        if self.producer.is_none() && !self.renew()? {
            return Ok(());
        }
        if self.unsettled.is_some() {
            self.ask()?;
        }
        if self.unsettled.is_some() || !self.sweep()? {
            return Ok(());
        }
        self.pause(false)
    }

    /// Makes a producer; whether that is done. Once it is, what its name left open is decided.
    fn renew(&mut self) -> Result<bool, LogError> {
        let mut producer = self.log.producer(&self.promise())?;
        match producer.init(TRY) {
            Ok(()) => {
                self.producer = Some(producer);
                self.renewed = self.clock.now();
                Ok(true)
            }
            Err(LogError::Fenced(trouble)) => {
                let error = LogError::Fenced(trouble);
                self.failed(&error);
                self.was_fenced(&error)?;
                Ok(false)
            }
            Err(error @ (LogError::Retry(_) | LogError::Unknown(_) | LogError::Abort(_))) => {
                self.failed(&error);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Asks for the receipt.
    fn ask(&mut self) -> Result<(), LogError> {
        let Some(unsettled) = &self.unsettled else { return Ok(()) };
        // Of partitions that went in between somebody else takes care.
        let mine: Vec<TopicPartition> = unsettled
            .batch
            .next
            .keys()
            .filter_map(|number| self.shards.get(number).map(|shard| shard.of.clone()))
            .collect();
        let Some(admin) = self.admin.as_mut() else { return Ok(()) };
        let found = if mine.is_empty() {
            Ok(Vec::new())
        } else {
            admin.committed(&self.settings.group, &mine, TRY)
        };
        let early = super::sabotage::is(self.settings.mutant, Mutant::ReceiptEarly);
        let found = match found {
            Ok(found) => found,
            Err(LogError::Retry(_)) if early => Vec::new(),
            Err(error @ LogError::Retry(_)) => {
                self.failed(&error);
                return self.hurry(&error);
            }
            Err(other) => return Err(other),
        };
        let Some(Unsettled { batch }) = self.unsettled.take() else { return Ok(()) };
        let is_ours = |receipt: &str| receipt == batch.receipt;
        let made = found.iter().flatten().any(|committed| is_ours(&committed.receipt));
        if made {
            info!("it was committed");
            self.keep(&batch);
            self.tell_batch(&batch, End::FoundCommitted);
            return Ok(());
        }
        warn!("it was not committed; its changes are read again");
        self.tell(&super::Happening::Transaction(End::FoundAborted, Duration::ZERO));
        self.swept = Sweep::Due;
        self.roll_back(&batch)
    }

    /// Ends what keeps the group's offsets undecided, where that lasts longer than any transaction
    /// may: this worker's own was decided when it had its name back.
    fn hurry(&mut self, error: &LogError) -> Result<(), LogError> {
        let now = self.clock.now();
        let lasts = i64::try_from(self.settings.transaction.as_micros()).unwrap_or(i64::MAX);
        let undecided = error.trouble().is_some_and(|it| it.cause == Cause::Undecided);
        if undecided && self.producer.is_some() && now.since(self.renewed) > lasts {
            self.renewed = now;
            self.end_again(&BTreeMap::new(), false)?;
        }
        Ok(())
    }

    /// Reads on, or not.
    pub(super) fn pause(&mut self, on: bool) -> Result<(), LogError> {
        let live: Vec<TopicPartition> =
            self.shards.values().filter(|s| s.is_live()).map(|s| s.of.clone()).collect();
        let Some(consumer) = self.consumer.as_mut().filter(|_| !live.is_empty()) else {
            return Ok(());
        };
        let done = if on { consumer.pause(&live) } else { consumer.resume(&live) };
        match done {
            Err(LogError::Configuration { trouble, fix }) => {
                Err(LogError::Configuration { trouble, fix })
            }
            Err(LogError::Stop(trouble)) => Err(LogError::Stop(trouble)),
            // It says so again when it is polled.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
