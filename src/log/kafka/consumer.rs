//! A member of a group.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerGroupMetadata};
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::info;

use super::super::{
    Call, Cause, Commit, Consumer, Incoming, LogError, Membership, Offset, Polled, Reader,
    TopicPartition, Trouble,
};
use super::connection::{Connection, refused};
use super::context::{Change, Told, list};
use super::errors::plain;
use super::reader::Cursors;

/// Who commits, and at which generation.
pub struct KafkaMember(pub(super) ConsumerGroupMetadata);

/// A member of a group in Kafka.
pub struct KafkaConsumer {
    /// `None` once it is closed.
    cursors: Option<Cursors>,
    /// What the next poll gives up.
    revoked: Vec<TopicPartition>,
}

impl KafkaConsumer {
    pub(super) fn new(connection: &Connection, membership: &Membership) -> Result<Self, LogError> {
        let config = connection.for_member(membership);
        let client = config.create_with_context(Told::default());
        let client: BaseConsumer<Told> = client.map_err(|error| refused(&error))?;
        let topics: Vec<&str> = membership.topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(|error| plain(Call::Connect, &error))?;
        Ok(Self { cursors: Some(Cursors::new(client)), revoked: Vec::new() })
    }

    fn cursors(&self, call: Call) -> Result<&Cursors, LogError> {
        self.cursors.as_ref().ok_or_else(|| closed(call))
    }

    fn cursors_mut(&mut self, call: Call) -> Result<&mut Cursors, LogError> {
        self.cursors.as_mut().ok_or_else(|| closed(call))
    }

    /// Gives up what was revoked: the group waited for it.
    fn release(&mut self) -> Result<(), LogError> {
        let revoked = std::mem::take(&mut self.revoked);
        if revoked.is_empty() {
            return Ok(());
        }
        let cursors = self.cursors_mut(Call::Poll)?;
        for place in &revoked {
            cursors.drop(place);
        }
        let gone = list(revoked.iter().map(|place| (place, 0)));
        cursors.client.incremental_unassign(&gone).map_err(|error| plain(Call::Poll, &error))
    }

    fn changed(&mut self, change: Change) -> Result<Polled, LogError> {
        let cursors = self.cursors_mut(Call::Poll)?;
        Ok(match change {
            Change::Assigned(places) => {
                info!(partitions = places.len(), "assigned");
                for place in &places {
                    cursors.hold(place);
                }
                Polled::Assigned(places)
            }
            Change::Revoked(places) => {
                info!(partitions = places.len(), "revoked");
                self.revoked.clone_from(&places);
                Polled::Revoked(places)
            }
            Change::Lost(places) => {
                info!(partitions = places.len(), "lost");
                for place in &places {
                    cursors.drop(place);
                }
                Polled::Lost(places)
            }
        })
    }

    /// Takes the client out, ready to be dropped.
    fn retire(&mut self) -> Option<Cursors> {
        // What fails here fails again while it closes.
        let _ = self.release();
        let cursors = self.cursors.take()?;
        cursors.told().close();
        Some(cursors)
    }
}

impl Reader for KafkaConsumer {
    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        self.cursors_mut(Call::Start)?.start(at)
    }

    fn stop(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.cursors_mut(Call::Pause)?.silence(partitions)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.cursors_mut(Call::Pause)?.pause(partitions, true)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.cursors_mut(Call::Pause)?.pause(partitions, false)
    }

    fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        self.cursors.as_ref()?.position(partition)
    }

    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Incoming<'_>),
    ) -> Result<Polled, LogError> {
        self.release()?;
        if let Some(change) = self.cursors(Call::Poll)?.told().next_change() {
            return self.changed(change);
        }
        let polled = self.cursors_mut(Call::Poll)?.poll(wait, each);
        // A rebalance happens within a poll, which then has nothing else to show.
        if matches!(polled, Ok(Polled::Idle))
            && let Some(change) = self.cursors(Call::Poll)?.told().next_change()
        {
            return self.changed(change);
        }
        polled
    }
}

impl Consumer for KafkaConsumer {
    type Member = KafkaMember;

    fn member(&self) -> Result<KafkaMember, LogError> {
        let cursors = self.cursors(Call::Member)?;
        // A member without a generation would be let through by a classic group.
        let lost = cursors.is_empty() || cursors.client.assignment_lost();
        self.former().filter(|_| !lost).ok_or_else(|| {
            let detail = "this member has no partitions";
            LogError::Abort(Trouble::new(Call::Member, Cause::Generation, detail))
        })
    }

    fn former(&self) -> Option<KafkaMember> {
        self.cursors.as_ref()?.client.group_metadata().map(KafkaMember)
    }

    fn lost(&self) -> bool {
        self.cursors.as_ref().is_some_and(|cursors| cursors.client.assignment_lost())
    }

    fn commit(&mut self, offsets: &[Commit]) -> Result<(), LogError> {
        self.member()?;
        let cursors = self.cursors(Call::CommitOffsets)?;
        let done = cursors.client.commit(&offset_list(offsets), CommitMode::Sync);
        cursors.checked(Call::CommitOffsets, done)
    }

    /// The library closes a client while it is dropped, for as long as it takes; a thread that
    /// does it late does no harm.
    fn close(mut self, wait: Duration) -> Result<(), LogError> {
        let Some(cursors) = self.retire() else { return Ok(()) };
        let (done, closed) = mpsc::channel();
        thread::spawn(move || {
            drop(cursors);
            // Nobody listens any more where it took too long.
            let _ = done.send(());
        });
        closed.recv_timeout(wait).map_err(|_| {
            let detail = "the group was not left in time";
            LogError::Stop(Trouble::new(Call::Close, Cause::TimedOut, detail))
        })
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        drop(self.retire());
    }
}

/// Offsets with their receipts as the library's list.
pub(super) fn offset_list(offsets: &[Commit]) -> TopicPartitionList {
    let all = list(offsets.iter().map(|commit| (&commit.of, commit.next.0)));
    for commit in offsets {
        let partition = i32::try_from(commit.of.partition.0).unwrap_or(-1);
        if let Some(mut element) = all.find_partition(&commit.of.topic, partition)
            && !commit.receipt.is_empty()
        {
            element.set_metadata(&commit.receipt);
        }
    }
    all
}

fn closed(call: Call) -> LogError {
    LogError::Stop(Trouble::new(call, Cause::State, "the consumer is closed"))
}
