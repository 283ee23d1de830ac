//! One world for each seed: three processes, a broker that fails, and at the end the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Setup;
use crate::log::memory::{Dice, Memory, Rates};
use crate::log::{
    Admin as _, Isolation, Log as _, NewTopic, Offset, Outgoing, Partition, Polled, Producer as _,
    Promise, Protocol, Reader as _, To, TopicPartition,
};
use crate::model::Timestamp;
use crate::tenant::Registry;
use crate::wire::control::Control;

use super::super::ingest::{Binding, Intake, Source};
use super::super::letters::Body;
use super::super::sweep::VOID;
use super::super::{
    Clock, Detect, Happening, Ingest, Mutant, Observer, Role, Settings, Told, Topics,
};
use super::lab;
use super::shrink::shrink;

const PARTITIONS: u32 = 4;
const PROCESSES: usize = 3;
/// How long a process stays dead at most, in microseconds: longer than sessions and transactions.
const LONGEST_DEATH: u64 = 20_000_000;
const SOURCE: &str = "cloud";
const NOW: Duration = Duration::ZERO;
/// How much later the last timers are due, in microseconds.
const LATER: i64 = 7 * 3_600 * 1_000_000;
/// Steps within which they must be told then.
const LAST: usize = 800;

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

struct Deaf;

impl Observer for Deaf {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

/// What a world is like.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub seed: u64,
    pub rates: Rates,
    pub mutant: Option<Mutant>,
    /// Steps in which things go wrong.
    pub rough: usize,
    pub records: usize,
    /// After how long the broker ends an open transaction.
    pub transaction: Duration,
    /// From which step on each worker, one after another, is given other content.
    pub swap: Option<usize>,
    /// Of 100 steps, in how many one more worker dies and leaves a transaction open.
    pub gone: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let transaction = Duration::from_secs(15);
        let (rough, records) = (150, 24);
        let (rates, mutant, swap) = (Rates::ROUGH, None, None);
        Self { seed, rates, mutant, rough, records, transaction, swap, gone: 2 }
    }
}

/// A process: a worker that takes in and one that detects.
struct Process {
    log: Memory,
    ingest: Ingest<Memory>,
    detect: Detect<Memory>,
    /// Whether it was given other content.
    swapped: bool,
}

impl Process {
    fn start(cluster: &Memory, number: usize, world: World, step: usize) -> Self {
        let swapped = world.swap.is_some_and(|swap| step >= swap);
        let pack = if swapped { lab::other() } else { lab::pack() };
        let World { mutant, transaction, .. } = world;
        let log = cluster.process();
        let topics = Topics::behind("driftline.");
        let setup = Setup::default();
        let registry = Arc::new(Registry::own_tenants());
        let clock: Arc<dyn Clock> = Arc::new(cluster.clone());
        let second = Duration::from_secs(1);
        let intake = Intake {
            topics: topics.clone(),
            sources: vec![Source { topic: SOURCE.into(), format: None, binding: Binding::Account }],
            group: "ingest".to_owned(),
            name: None,
            protocol: Protocol::Classic,
            session: 30 * second,
            silence: 300 * second,
            batch_records: 5,
            batch_bytes: 1 << 20,
            patience: second,
            letters: Body::Reference,
            breaker: 0,
            breaker_percent: 100,
            mutant,
        };
        let settings = Settings {
            topics,
            partitions: PARTITIONS,
            alert_partitions: 2,
            told: Told::Ocsf,
            group: "detect".to_owned(),
            name: format!("worker-{number}"),
            fixed: false,
            protocol: Protocol::Classic,
            session: 6 * second,
            silence: 300 * second,
            transaction,
            batch_records: 4,
            batch_bytes: 1 << 20,
            patience: second,
            tick: second,
            mutant,
        };
        let observer: Arc<dyn Observer> = Arc::new(Deaf);
        let ingest = Ingest::new(
            (log.clone(), log.clone()),
            intake,
            (Arc::clone(&pack), &registry, &setup),
            Arc::clone(&clock),
            Arc::clone(&observer),
        );
        let content = (pack, registry, setup);
        let detect = Detect::new(log.clone(), settings, content, clock, observer);
        Self { log, ingest, detect, swapped }
    }

    /// Gives it other content.
    fn swap(&mut self) {
        self.swapped = true;
        self.ingest.adopt(&lab::other());
        self.detect.adopt(&lab::other());
    }
}

fn topic(cluster: &Memory, name: &str, partitions: u32, compact: bool) {
    let settings = if compact {
        vec![("cleanup.policy".to_owned(), "compact".to_owned())]
    } else {
        Vec::new()
    };
    let new = NewTopic { name: name.to_owned(), partitions, replicas: None, settings };
    cluster.admin().and_then(|mut admin| admin.create(&new, NOW)).expect("it is made");
}

fn produce(cluster: &Memory, records: &[(String, Vec<u8>)]) {
    let mut producer = cluster.producer(&Promise::Idempotent).expect("a producer");
    for (account, value) in records {
        let record = Outgoing {
            topic: SOURCE,
            to: To::Key,
            key: Some(account.as_bytes()),
            value: Some(value),
            headers: &[],
            time: cluster.now(),
            tag: 0,
        };
        producer.send(&record).expect("it is taken");
    }
    assert_eq!(producer.drain(NOW), 0);
    assert_eq!(producer.failures(), []);
}

/// A broker with empty topics.
fn broker() -> (Memory, Topics) {
    let (cluster, topics) = (Memory::new(), Topics::behind("driftline."));
    topic(&cluster, SOURCE, 2, false);
    topic(&cluster, &topics.changes, PARTITIONS, false);
    topic(&cluster, &topics.state, PARTITIONS, true);
    topic(&cluster, &topics.findings, PARTITIONS, true);
    topic(&cluster, &topics.alerts, 2, false);
    topic(&cluster, &topics.deadletters, 1, false);
    (cluster, topics)
}

/// Plays a world to its end.
///
/// # Errors
/// What does not hold.
pub fn play(world: World) -> Result<(), String> {
    let mut dice = Dice::new(world.seed);
    let (cluster, topics) = broker();
    let mut now = Timestamp::from_seconds(lab::NOON);
    cluster.tick(now);
    let records = lab::records(&mut dice, world.records);
    let mut truth = lab::truth(&records);
    let mut processes: Vec<Option<Process>> =
        (0..PROCESSES).map(|n| Some(Process::start(&cluster, n, world, 0))).collect();
    // When those that died are started again.
    let mut revived = [now; PROCESSES];
    produce(&cluster, &records);
    let mut later: Option<usize> = None;
    for step in 0..20_000_usize {
        if step == 10 {
            cluster.set_faults(dice.roll(), world.rates);
        }
        if step == world.rough || later.is_some_and(|since| step == since + world.rough / 3) {
            cluster.set_faults(0, Rates::default());
        }
        now = cluster.now().max(now).plus(i64::try_from(dice.below(400_000)).unwrap_or_default());
        cluster.tick(now);
        let number = usize::try_from(dice.below(PROCESSES as u64)).unwrap_or_default();
        let Some(process) = &mut processes[number] else {
            if cluster.now() >= revived[number] {
                processes[number] = Some(Process::start(&cluster, number, world, step));
            }
            continue;
        };
        // Some are given it long after others.
        let pace = 15 << (2 * (world.seed % 4));
        if world.swap.is_some_and(|swap| step >= swap) && !process.swapped && dice.below(pace) == 0
        {
            process.swap();
        }
        let turned =
            if dice.below(2) == 0 { process.ingest.turn(NOW) } else { process.detect.turn(NOW) };
        if turned.is_err() || process.log.is_crashed() {
            // What ends in an error is killed and started again, as a supervisor would, sooner or
            // later.
            process.log.crash();
            processes[number] = None;
            let later = i64::try_from(dice.below(LONGEST_DEATH)).unwrap_or_default();
            revived[number] = cluster.now().plus(if dice.below(2) == 0 { 0 } else { later });
        }
        if dice.below(50) == 0 {
            cluster.clean(&topics.state);
        }
        if step < world.rough && dice.below(100) < world.gone {
            gone(&cluster, &topics.state, step, world);
        }
        match later {
            // Hours go by: everybody is taken for dead, and what is due by then is due at once.
            None if step >= world.rough && step.is_multiple_of(16) && is_done(&cluster) => {
                later = Some(step);
                cluster.tick(cluster.now().plus(LATER));
                cluster.set_faults(dice.roll(), world.rates);
            }
            Some(since) if step > since + world.rough && step.is_multiple_of(16) => {
                if world.swap.is_some() {
                    truth = lab::retold(&changes(&cluster, &topics))?;
                }
                let done = is_done(&cluster) && told(&cluster, &topics) == truth.alerts;
                if done || step > since + world.rough + LAST {
                    let left = processes.into_iter().flatten().collect();
                    letters(&cluster, &topics, &records)?;
                    return check(&cluster, &topics, &truth, left, world);
                }
            }
            _ => {}
        }
    }
    Err("it never came to an end".to_owned())
}

/// A worker that will never come back, killed between its first row and its offsets: its transaction
/// stays open until the broker ends it.
fn gone(cluster: &Memory, state: &str, step: usize, world: World) {
    let log = cluster.process();
    let promise = Promise::Transactional { id: format!("gone-{step}"), timeout: world.transaction };
    let opened = log.producer(&promise).and_then(|mut producer| {
        producer.init(NOW)?;
        producer.begin()?;
        producer.send(&Outgoing {
            topic: state,
            to: To::Partition(Partition(u32::try_from(step).unwrap_or_default() % PARTITIONS)),
            key: Some(b"never"),
            value: Some(b"was"),
            headers: &[],
            time: cluster.now(),
            tag: 0,
        })?;
        Ok(producer.drain(NOW))
    });
    // It may have failed before it began.
    let _ = opened;
    log.crash();
}

/// Each record that broke its reader is a dead letter: of a source at least once, of the changes
/// exactly once.
fn letters(cluster: &Memory, topics: &Topics, records: &[(String, Vec<u8>)]) -> Result<(), String> {
    let mut of: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    for Read { value, .. } in read(cluster, &topics.deadletters, 1) {
        let text = String::from_utf8(value.unwrap_or_default()).map_err(|e| e.to_string())?;
        of.entry(text.contains(SOURCE)).or_default().push(text);
    }
    let mut places = of.remove(&true).unwrap_or_default();
    places.sort();
    places.dedup();
    let due = lab::trips(records, Role::Ingest);
    if places.len() != due {
        return Err(format!("{} records are dead letters and not {due}", places.len()));
    }
    let changes = of.remove(&false).unwrap_or_default();
    let distinct: BTreeSet<&String> = changes.iter().collect();
    let due = lab::trips(records, Role::Detect);
    if distinct.len() != changes.len() || changes.len() < due {
        return Err(format!("changes are dead letters: {changes:?}, {due} are due"));
    }
    Ok(())
}

/// The ids of alerts by cell, in order.
fn told(cluster: &Memory, topics: &Topics) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Read { key, id, .. } in read(cluster, &topics.alerts, 2) {
        told.entry(key).or_default().push(id);
    }
    told
}

/// Whether everything there is was taken in and applied.
fn is_done(cluster: &Memory) -> bool {
    let topics = Topics::behind("driftline.");
    all_read(cluster, "ingest", SOURCE, 2) && all_applied(cluster, &topics.changes)
}

/// Whether every change is applied; markers of transactions may stand behind the last.
fn all_applied(cluster: &Memory, topic: &str) -> bool {
    let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
    for record in read(cluster, topic, PARTITIONS) {
        ends.insert(record.partition, record.offset + 1);
    }
    let mut admin = cluster.admin().expect("an admin");
    ends.into_iter().all(|(number, end)| {
        let of = [TopicPartition::new(topic, number)];
        let Ok(found) = admin.committed("detect", &of, NOW) else { return false };
        found[0].as_ref().is_some_and(|committed| committed.next.0 >= end)
    })
}

fn all_read(cluster: &Memory, group: &str, topic: &str, partitions: u32) -> bool {
    let mut admin = cluster.admin().expect("an admin");
    (0..partitions).all(|number| {
        let of = TopicPartition::new(topic, number);
        let Ok(bounds) = admin.bounds(&of, Isolation::Committed, NOW) else { return false };
        let found = admin.committed(group, std::slice::from_ref(&of), NOW);
        let Ok(found) = found else { return false };
        let next = found[0].as_ref().map_or(Offset(0), |committed| committed.next);
        next >= bounds.end || bounds.end == Offset(0)
    })
}

/// A committed record.
struct Read {
    partition: u32,
    offset: u64,
    key: String,
    value: Option<Vec<u8>>,
    /// Its `ce_id`.
    id: String,
}

/// Every committed record of a topic.
fn read(cluster: &Memory, topic: &str, partitions: u32) -> Vec<Read> {
    let mut reader = cluster.reader(Isolation::Committed).expect("a reader");
    let at: Vec<_> =
        (0..partitions).map(|number| (TopicPartition::new(topic, number), Offset(0))).collect();
    // What was cleaned away begins later.
    let mut admin = cluster.admin().expect("an admin");
    let at: Vec<_> = at
        .into_iter()
        .map(|(of, _)| {
            let first = admin.bounds(&of, Isolation::Committed, NOW).expect("bounds").first;
            (of, first)
        })
        .collect();
    reader.start(&at).expect("it starts");
    let mut all = Vec::new();
    let mut idle = 0;
    while idle < 3 {
        let polled = reader.poll(NOW, &mut |record| {
            if record.key == Some(VOID) && record.value.is_none() {
                return;
            }
            let id = record.headers.iter().find(|(name, _)| *name == "ce_id");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let key = text(record.key.unwrap_or_default());
            let id = id.map(|(_, value)| text(value)).unwrap_or_default();
            let (partition, offset) = (record.partition.0, record.offset.0);
            let value = record.value.map(<[u8]>::to_vec);
            all.push(Read { partition, offset, key, value, id });
        });
        match polled {
            Ok(Polled::Idle) => idle += 1,
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    all
}

/// The invariant: each alert once and in its cell's order; the state that of a pipeline in which
/// nothing went wrong, in the workers' memory and in the topic alike.
fn check(
    cluster: &Memory,
    topics: &Topics,
    truth: &lab::Truth,
    processes: Vec<Process>,
    world: World,
) -> Result<(), String> {
    let told = told(cluster, topics);
    if told != truth.alerts {
        return Err(format!("told {told:?}\nand not {:?}", truth.alerts));
    }
    let mut engines: Vec<_> = processes.iter().flat_map(|p| p.detect.engines()).collect();
    engines.sort_by_key(|(number, _)| *number);
    // Who was taken for dead does not know it yet.
    let whole = engines.iter().map(|(number, _)| *number).eq(0..PARTITIONS);
    let engines: Vec<_> = engines.into_iter().map(|(_, engine)| engine).collect();
    if whole && lab::held(&engines) != truth.held {
        return Err("the workers hold something else".to_owned());
    }
    drop(engines);
    let mut findings: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    for Read { key, value, .. } in read(cluster, &topics.findings, PARTITIONS) {
        findings.insert(key, value);
    }
    let stand = findings.values().filter(|value| value.is_some()).count();
    let due = truth.held.iter().filter(|line| line.contains('[')).count();
    if stand != due {
        return Err(format!("{stand} findings stand and not {due}"));
    }
    for process in processes {
        process.log.crash();
    }
    // Another, from the topic alone.
    cluster.tick(cluster.now().plus(600 * 1_000_000));
    let calm = World { swap: world.swap, ..World::new(0) };
    let mut last = Process::start(cluster, 7, calm, usize::MAX);
    for _ in 0..400 {
        cluster.tick(cluster.now().plus(100_000));
        last.detect.turn(NOW).map_err(|error| error.to_string())?;
    }
    let engines: Vec<_> = last.detect.engines().into_iter().map(|(_, engine)| engine).collect();
    if engines.len() != PARTITIONS as usize {
        return Err(format!("{} partitions came back", engines.len()));
    }
    let held = lab::held(&engines);
    if held != truth.held {
        return Err(format!("restored {held:#?}\nand not {:#?}", truth.held));
    }
    Ok(())
}

/// The changes by partition.
fn changes(cluster: &Memory, topics: &Topics) -> BTreeMap<u32, Vec<lab::Record>> {
    let mut all: BTreeMap<u32, Vec<lab::Record>> = BTreeMap::new();
    for Read { partition, offset, key, value, .. } in read(cluster, &topics.changes, PARTITIONS) {
        all.entry(partition).or_default().push((offset, key, value.unwrap_or_default()));
    }
    all
}

/// Plays worlds until one fails; its seed and why.
pub fn first_failure(worlds: impl Iterator<Item = World>) -> Option<(u64, String)> {
    for world in worlds {
        let seed = world.seed;
        let played = std::panic::catch_unwind(|| play(world));
        match played {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Some((seed, why)),
            Err(_) => return Some((seed, "it panicked".to_owned())),
        }
    }
    None
}

#[test]
fn nothing_is_lost_or_told_twice_where_nothing_goes_wrong() {
    let calm = World { rates: Rates::default(), ..World::new(1) };
    assert_eq!(play(calm), Ok(()));
}

#[expect(clippy::disallowed_methods, reason = "how many and which is the tester's choice")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok())
}

/// Plays so many worlds from the first seed on, on all cores; the first that fails.
fn failure(count: u64, world: impl Fn(u64) -> World + Copy + Send) -> Option<(u64, String)> {
    let first = asked("DRIFTLINE_SEED").unwrap_or(1);
    println!("DRIFTLINE_SEED={first} DRIFTLINE_SCHEDULES={count}");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let part = |number: usize| (first..first + count).skip(number).step_by(threads);
        let play = |number| move || first_failure(part(number).map(world));
        let parts: Vec<_> = (0..threads).map(|number| scope.spawn(play(number))).collect();
        parts.into_iter().filter_map(|part| part.join().expect("it ends")).min()
    })
}

/// How many worlds are played.
fn schedules() -> u64 {
    asked("DRIFTLINE_SCHEDULES").unwrap_or(300)
}

#[test]
fn whoever_reads_the_changes_again_decides_alike_though_content_was_swapped() {
    let swapped = |seed: u64| {
        let swap = Some(20 + usize::try_from(seed % 60).unwrap_or_default());
        World { swap, ..World::new(seed) }
    };
    assert_eq!(play(World { rates: Rates::default(), ..swapped(1) }), Ok(()));
    if let Some((seed, why)) = failure(schedules() / 2, swapped) {
        panic!("DRIFTLINE_SEED={seed} fails: {why}");
    }
}

#[test]
fn a_command_of_content_that_a_worker_has_not_is_answered_by_a_claim() {
    let (cluster, topics) = broker();
    let calm = World { rates: Rates::default(), ..World::new(1) };
    let mut process = Process::start(&cluster, 0, calm, 0);
    let turn = |process: &mut Process| {
        for _ in 0..100 {
            cluster.tick(cluster.now().plus(100_000));
            process.detect.turn(NOW).expect("it works");
        }
    };
    turn(&mut process);
    let strange = Control { content: lab::other().digest, since: None };
    process.detect.command(&[1], &strange).expect("it is written");
    turn(&mut process);
    let found = changes(&cluster, &topics).remove(&1).unwrap_or_default();
    let found: Vec<(u64, Control)> = found
        .iter()
        .map(|(at, _, value)| (*at, Control::decode(value).expect("a control record")))
        .collect();
    let own = lab::pack().digest;
    let [(0, first), (at, command), (_, second)] = found[..] else { panic!("{found:?}") };
    assert_eq!(first, Control { content: own, since: Some(0) });
    assert_eq!(command, strange);
    assert_eq!(second, Control { content: own, since: Some(at + 1) });
}

#[test]
fn nothing_is_lost_or_told_twice_whatever_goes_wrong() {
    if let Some((seed, why)) = failure(schedules(), World::new) {
        let least = shrink(World::new(seed));
        panic!("DRIFTLINE_SEED={seed} fails: {why}\nso does {least:?}");
    }
}
