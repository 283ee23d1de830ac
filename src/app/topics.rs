//! `topics`: what the service's topics must be, what they are, and what is missing made.

use std::io::{Write as _, stdout};
use std::time::Duration;

use anyhow::bail;

use crate::cli;
use crate::config::Config;
use crate::config::service::{Carrier, Service};
use crate::log::{Admin, Created, Log, NewTopic, TopicInfo};
use crate::worker::Topics;

use super::{Ended, Refused};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A topic as it must be.
pub(super) struct Due {
    pub name: String,
    pub partitions: u32,
    /// Kafka's names and values.
    pub settings: Vec<(&'static str, &'static str)>,
    /// Whether its records are kept by key.
    pub compacted: bool,
    /// Whether it has as many partitions as the changes.
    pub alike: bool,
}

/// Kept by key. Small segments and a low ratio keep a restart short; tombstones outlive a long
/// outage.
const KEYED: [(&str, &str); 6] = [
    ("cleanup.policy", "compact"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("segment.bytes", "67108864"),
    ("segment.ms", "3600000"),
    ("max.compaction.lag.ms", "3600000"),
    ("delete.retention.ms", "604800000"),
];

/// Kept for a week.
const TIMED: [(&str, &str); 2] = [("cleanup.policy", "delete"), ("retention.ms", "604800000")];

/// The service's topics.
pub(super) fn due(service: &Service) -> Vec<Due> {
    let topics = Topics::behind(&service.topic_prefix);
    let partitions = service.topics.partitions;
    let of = |name: &str, compacted: bool, alike: bool| Due {
        name: name.to_owned(),
        partitions,
        settings: settings(compacted, service.topics.replicas),
        compacted,
        alike,
    };
    vec![
        of(&topics.changes, false, true),
        of(&topics.state, true, true),
        of(&topics.findings, true, true),
        of(&topics.alerts, false, false),
        Due { partitions: 1, ..of(&topics.deadletters, false, false) },
    ]
}

fn settings(compacted: bool, replicas: Option<u16>) -> Vec<(&'static str, &'static str)> {
    let mut all = if compacted { KEYED.to_vec() } else { TIMED.to_vec() };
    if replicas.is_some_and(|replicas| replicas >= 3) {
        all.push(("min.insync.replicas", "2"));
    }
    all
}

/// Makes or checks the topics.
pub(super) fn run(options: &cli::Topics, config: &Config) -> anyhow::Result<Ended> {
    let service = &config.service;
    match &service.log {
        Carrier::Embedded(_) => bail!(Refused(
            "`log: embedded` makes its topics itself; write `log: kafka` and `kafka.brokers`"
                .to_owned()
        )),
        #[cfg(feature = "kafka")]
        Carrier::Kafka(connection) => {
            let log = crate::log::kafka::Kafka::new((**connection).clone())?;
            arrange(&log, service, options.create)
        }
    }
}

fn arrange<L: Log>(log: &L, service: &Service, create: bool) -> anyhow::Result<Ended> {
    let mut admin = log.admin()?;
    let all = due(service);
    // Topics that are there decide how many partitions the others get.
    let mut there = Vec::with_capacity(all.len());
    for due in &all {
        there.push(insist(|| admin.describe(&due.name, PATIENCE))?);
    }
    let mut faults = faults(&all, &there, !create);
    let count = partitions(&all, &there);
    if create && faults.is_empty() {
        for (due, known) in all.iter().zip(&there) {
            if known.is_some() {
                writeln!(stdout(), "{}: is there", due.name)?;
                continue;
            }
            let partitions = if due.alike { count } else { due.partitions.min(count) };
            let new = NewTopic {
                name: due.name.clone(),
                partitions,
                replicas: service.topics.replicas,
                settings: due
                    .settings
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            };
            let made = insist(|| admin.create(&new, PATIENCE))?;
            let word = if made == Created::New { "made" } else { "is there" };
            writeln!(stdout(), "{}: {word}, {partitions} partitions", due.name)?;
        }
    } else if faults.is_empty() {
        for (due, known) in all.iter().zip(&there) {
            let partitions = known.as_ref().map_or(0, |known| known.partitions);
            writeln!(stdout(), "{}: well, {partitions} partitions", due.name)?;
        }
    }
    if faults.is_empty() {
        return Ok(Ended::Well);
    }
    faults.sort();
    bail!(Refused(faults.join("\n")))
}

/// How many partitions the topics that are spread alike have, or get.
pub(super) fn partitions(all: &[Due], there: &[Option<TopicInfo>]) -> u32 {
    let known = all.iter().zip(there).find_map(|(due, known)| {
        known.as_ref().filter(|_| due.alike).map(|known| known.partitions)
    });
    known.unwrap_or_else(|| all.first().map_or(1, |due| due.partitions))
}

/// What is wrong with the topics that are there, each with what to do; and, where `whole`, what is
/// not there.
pub(super) fn faults(all: &[Due], there: &[Option<TopicInfo>], whole: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let count = partitions(all, there);
    let first = all.first().map_or("", |due| &due.name);
    for (due, known) in all.iter().zip(there) {
        let name = &due.name;
        let Some(known) = known else {
            if whole {
                faults.push(format!(
                    "topic `{name}` does not exist; make it with `driftline topics --create`"
                ));
            }
            continue;
        };
        let Some(policy) = known.settings.get("cleanup.policy") else {
            faults.push(format!(
                "the settings of topic `{name}` can't be read; allow this client to (an ACL on \
                 `Topic` for `DescribeConfigs`)"
            ));
            continue;
        };
        let is_compacted = policy.split(',').any(|word| word.trim() == "compact");
        let is_deleted = policy.split(',').any(|word| word.trim() == "delete");
        if due.compacted && (!is_compacted || is_deleted) {
            faults.push(format!(
                "topic `{name}` is cleaned by `{policy}`, so that state is lost; set \
                 `cleanup.policy=compact`"
            ));
        }
        if !due.compacted && is_compacted {
            faults.push(format!(
                "topic `{name}` is cleaned by `{policy}`, so that records of one account are lost; \
                 set `cleanup.policy=delete`"
            ));
        }
        if due.alike && known.partitions != count {
            faults.push(format!(
                "topic `{name}` has {} partitions and `{first}` or another has {count}; they must \
                 be alike: delete the wrong one and make it anew",
                known.partitions
            ));
        }
    }
    faults
}

/// Makes a call again for a while where no broker answers.
pub(super) fn insist<T>(
    mut call: impl FnMut() -> Result<T, crate::log::LogError>,
) -> Result<T, crate::log::LogError> {
    /// Tries; each has its own patience.
    const TRIES: usize = 2;
    let mut last = call();
    for _ in 1..TRIES {
        if !matches!(last, Err(crate::log::LogError::Retry(_))) {
            break;
        }
        last = call();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Service {
        Service { topic_prefix: "d.".to_owned(), ..Service::default() }
    }

    fn info(partitions: u32, policy: &str) -> TopicInfo {
        let settings = [("cleanup.policy".to_owned(), policy.to_owned())].into();
        TopicInfo { partitions, replicas: 1, settings }
    }

    #[test]
    fn what_is_unsafe_is_told_with_what_to_do_all_at_once() {
        let all = due(&ours());
        let there = [
            Some(info(4, "delete")),
            Some(info(4, "delete")),
            Some(info(8, "compact")),
            Some(info(3, "compact,delete")),
            None,
        ];
        let told = faults(&all, &there, true);
        assert_eq!(told.len(), 4, "{told:#?}");
        for (place, words) in [
            (0, "`d.state` is cleaned by `delete`"),
            (1, "`d.findings` has 8 partitions"),
            (2, "`d.alerts` is cleaned by `compact,delete`"),
            (3, "`d.deadletters` does not exist; make it with `driftline topics --create`"),
        ] {
            assert!(told[place].contains(words), "{told:#?}");
        }
        assert_eq!(faults(&all, &there, false).len(), 3, "what is missing can be made");
        let hidden = Some(TopicInfo { settings: std::collections::BTreeMap::new(), ..info(4, "") });
        let told = faults(&all[..1], &[hidden], true);
        assert!(told[0].contains("can't be read; allow"), "{told:?}");
    }

    #[test]
    fn topics_that_are_as_they_must_be_have_no_fault() {
        let all = due(&ours());
        let there = [
            Some(info(6, "delete")),
            Some(info(6, "compact")),
            Some(info(6, "compact")),
            Some(info(2, "delete")),
            Some(info(1, "delete")),
        ];
        assert_eq!(faults(&all, &there, true), [""; 0]);
        assert_eq!(partitions(&all, &there), 6);
        assert_eq!(partitions(&all, &[None, None, None, None, None]), 32);
    }

    #[test]
    fn two_of_three_copies_must_have_what_counts() {
        for (replicas, safe) in [(None, false), (Some(1), false), (Some(3), true)] {
            let mut service = ours();
            service.topics.replicas = replicas;
            let is_safe = |due: &Due| due.settings.contains(&("min.insync.replicas", "2"));
            assert_eq!(due(&service).iter().all(is_safe), safe, "{replicas:?}");
            assert_eq!(due(&service).iter().any(is_safe), safe, "{replicas:?}");
        }
    }
}
