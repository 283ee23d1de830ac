//! What librdkafka calls back: logs, errors, rebalances, delivery reports.
//!
//! **Invariant:** a callback keeps what it was told and returns; whatever follows happens in the
//! call of its owner.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, info, warn};

use super::super::{Call, Cause, LogError, TopicPartition};
use super::errors::{by_code, cause_of};

/// What a group gave or took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

/// What a client was told and has not looked at.
#[derive(Debug, Default)]
pub(super) struct Told {
    changes: Mutex<VecDeque<Change>>,
    failures: Mutex<Vec<(usize, KafkaError)>>,
    /// The last error that explains why calls get no answer.
    refused: Mutex<Option<(Code, String)>>,
    /// The last error's own words.
    words: Mutex<String>,
    closing: AtomicBool,
}

impl Told {
    pub(super) fn next_change(&self) -> Option<Change> {
        locked(&self.changes).pop_front()
    }

    pub(super) fn failures(&self) -> Vec<(usize, KafkaError)> {
        std::mem::take(&mut locked(&self.failures))
    }

    pub(super) fn words(&self) -> String {
        locked(&self.words).clone()
    }

    /// From now on partitions are given up the moment they are asked back.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Calls are answered again.
    pub(super) fn answered(&self) {
        *locked(&self.refused) = None;
    }

    /// Why a call got no answer, where a broker said so; else the error as it is.
    pub(super) fn explain(&self, call: Call, error: LogError) -> LogError {
        let unanswered = error.trouble().is_some_and(|trouble| {
            matches!(trouble.cause, Cause::Unreachable | Cause::TimedOut | Cause::Other)
        });
        match &*locked(&self.refused) {
            Some((code, words)) if unanswered => by_code(call, *code, words),
            _ => error,
        }
    }
}

/// Nothing is left half done while a lock is held: a value is put in or taken out.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => warn!(target: "librdkafka", facility, "{text}"),
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                info!(target: "librdkafka", facility, "{text}");
            }
            RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == Code::PartitionEOF {
            return;
        }
        info!(target: "librdkafka", code = %code, "{reason}");
        reason.clone_into(&mut locked(&self.words));
        if matches!(cause_of(code), Cause::Authentication | Cause::Permission) {
            *locked(&self.refused) = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Told {
    /// Instead of the library's own way: partitions come paused and at a place nobody reads from;
    /// they go when their owner polls again, or at once where nothing can be saved any more.
    /// librdkafka waits for either as long as the group does.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let places = places(partitions);
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let held = list(places.iter().map(|place| (place, 0)));
            let done = consumer.incremental_assign(&held).and_then(|()| consumer.pause(&held));
            if let Err(error) = done {
                warn!(error = %error, "an assignment failed");
            }
            locked(&self.changes).push_back(Change::Assigned(places));
            return;
        }
        let lost = consumer.assignment_lost();
        if !lost && !self.closing.load(Ordering::Relaxed) && !places.is_empty() {
            locked(&self.changes).push_back(Change::Revoked(places));
            return;
        }
        if let Err(error) = consumer.incremental_unassign(partitions) {
            warn!(error = %error, "giving up partitions failed");
        }
        if lost {
            locked(&self.changes).push_back(Change::Lost(places));
        }
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        if let Err((error, _)) = result {
            locked(&self.failures).push((tag, error.clone()));
        }
    }
}

/// The library's list as places.
fn places(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let each = list.elements().into_iter().filter_map(|element| {
        let partition = u32::try_from(element.partition()).ok()?;
        Some(TopicPartition::new(element.topic(), partition))
    });
    each.collect()
}

/// Places with offsets as the library's list. What does not fit its numbers is left out: no
/// broker has given it.
pub(super) fn list<'p>(
    places: impl Iterator<Item = (&'p TopicPartition, u64)>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (place, offset) in places {
        let (Ok(partition), Ok(offset)) = (i32::try_from(place.partition.0), i64::try_from(offset))
        else {
            continue;
        };
        let mut element = list.add_partition(&place.topic, partition);
        // The library refuses negative offsets alone.
        let _ = element.set_offset(KafkaOffset::Offset(offset));
    }
    list
}
