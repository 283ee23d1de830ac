//! One world for each seed: processes that die, a broker and destinations that fail, and at the
//! end everything was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{
    Alertmanager, Allow, Destination, Endpoint, Lane, Mutant, Notify, Rate, Route, Routes, Secret,
    Settings, Spec, Webhook,
};
use super::fake::{Fake, Moods, Outside};
use super::lab;
use crate::content::Content;
use crate::log::memory::{Dice, Memory, Rates};
use crate::log::{
    Admin as _, Isolation, Log as _, NewTopic, Offset, Outgoing, Partition, Polled, Producer as _,
    Promise, Protocol, Reader as _, To, TopicPartition,
};
use crate::model::{Step, Timestamp};
use crate::worker::{Body, Happening, Observer, Role};

pub const ALERTS: &str = "alerts";
pub const LETTERS: &str = "deadletters";
pub const GROUP: &str = "notify";
pub const NOW: Duration = Duration::ZERO;
pub const PARTITIONS: u32 = 2;
/// The destinations, by number.
pub const NAMES: [&str; 3] = ["hook", "summed", "alertmanager"];
/// Notices that each may hold.
pub const QUEUE: usize = 6;
const PROCESSES: usize = 2;

struct Deaf;

impl Observer for Deaf {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

pub fn lane(number: usize, queue: usize, give_up_after: Duration) -> Lane {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let destination: Box<dyn Destination> = if number == 2 {
        Box::new(Alertmanager::new(Duration::from_secs(60), None))
    } else {
        Box::new(Webhook::new(&[secret], None).expect("a secret"))
    };
    Lane::new(Spec {
        name: NAMES[number].into(),
        destination,
        endpoints: vec![Endpoint::new("https://8.8.8.8/", Allow::default()).expect("a URL")],
        rate: Rate::per_second(20),
        queue,
        burst: if number == 1 { 3 } else { 0 },
        window: Duration::from_secs(5),
        give_up_after,
    })
}

pub fn process(
    log: &Memory,
    outside: &Arc<Mutex<Outside>>,
    lanes: Vec<Lane>,
    mutant: Option<Mutant>,
    seed: u64,
) -> Notify<Memory, Fake> {
    let settings = Settings {
        alerts: ALERTS.into(),
        deadletters: LETTERS.into(),
        group: GROUP.to_owned(),
        name: None,
        protocol: Protocol::Classic,
        session: Duration::from_secs(30),
        silence: Duration::from_secs(300),
        batch_records: 5,
        batch_bytes: 1 << 20,
        patience: Duration::from_secs(1),
        commit_every: Duration::from_millis(300),
        letters: Body::Reference,
        mutant,
    };
    let all = Route { to: (0..lanes.len()).collect(), ..Route::default() };
    Notify::new(
        log.clone(),
        settings,
        (lanes, Routes(vec![all])),
        Fake::to(outside, seed),
        &Content::default(),
        (Arc::new(log.clone()), Arc::new(Deaf)),
    )
}

pub fn cluster() -> Memory {
    let cluster = Memory::new();
    for (name, partitions) in [(ALERTS, PARTITIONS), (LETTERS, 1)] {
        let settings = Vec::new();
        let new = NewTopic { name: name.to_owned(), partitions, replicas: None, settings };
        cluster.admin().and_then(|mut admin| admin.create(&new, NOW)).expect("it is made");
    }
    cluster.tick(lab::NOON);
    cluster
}

/// An alert of the world.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: String,
    pub finding: String,
    pub partition: u32,
    pub value: Vec<u8>,
}

/// Findings that open, change and end; among them records that are no alerts.
pub fn alerts(dice: &mut Dice, count: usize) -> Vec<Told> {
    let mut steps: BTreeMap<u64, usize> = BTreeMap::new();
    (0..count)
        .map(|number| {
            let finding = dice.below(8);
            let step = steps.entry(finding).or_default();
            *step += 1;
            let kind = [Step::Resolved, Step::Opened, Step::Updated][*step % 3];
            let id = format!("a{number}");
            let finding = format!("f{finding}");
            let partition = u32::from(finding.as_bytes()[1] % 2);
            let junk = dice.below(20) == 0;
            let value = if junk { b"junk".to_vec() } else { lab::record(&id, &finding, kind) };
            Told { id, finding, partition, value }
        })
        .collect()
}

/// Writes them in transactions, whose marks stand between them.
pub fn produce(cluster: &Memory, alerts: &[Told]) {
    let id = "alerts".to_owned();
    let promise = Promise::Transactional { id, timeout: Duration::from_secs(60) };
    // A process of its own: others are killed.
    let mut producer = cluster.process().producer(&promise).expect("a producer");
    // The broker may still be away.
    while let Err(error) = producer.init(NOW) {
        assert!(error.is_passing(), "{error}");
    }
    for part in alerts.chunks(4) {
        producer.begin().expect("it begins");
        for told in part {
            let record = Outgoing {
                topic: ALERTS,
                to: To::Partition(Partition(told.partition)),
                key: None,
                value: Some(&told.value),
                headers: &[],
                time: cluster.now(),
                tag: 0,
            };
            producer.send(&record).expect("it is taken");
        }
        assert_eq!(producer.drain(NOW), 0);
        producer.commit().expect("it commits");
    }
}

/// Every record of a topic: partition, offset, value, headers.
pub type Found = (u32, u64, Vec<u8>, BTreeMap<String, String>);

pub fn read(cluster: &Memory, topic: &str, partitions: u32) -> Vec<Found> {
    let mut reader = cluster.process().reader(Isolation::Committed).expect("a reader");
    let at: Vec<_> =
        (0..partitions).map(|number| (TopicPartition::new(topic, number), Offset(0))).collect();
    reader.start(&at).expect("it starts");
    let (mut all, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        let polled = reader.poll(NOW, &mut |record| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = record.headers.iter();
            let headers = headers.map(|(name, value)| ((*name).to_owned(), text(value))).collect();
            let value = record.value.unwrap_or_default().to_vec();
            all.push((record.partition.0, record.offset.0, value, headers));
        });
        match polled {
            Ok(Polled::Idle) => idle += 1,
            Ok(_) => {}
            // The broker may still be away.
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
    }
    all
}

/// What the group committed of each partition.
pub fn committed(cluster: &Memory) -> Option<Vec<u64>> {
    let all: Vec<_> = (0..PARTITIONS).map(|n| TopicPartition::new(ALERTS, n)).collect();
    let found = cluster.process().admin().ok()?.committed(GROUP, &all, NOW).ok()?;
    Some(found.into_iter().map(|one| one.map_or(0, |one| one.next.0)).collect())
}

fn ends(cluster: &Memory) -> Option<Vec<u64>> {
    let mut admin = cluster.process().admin().ok()?;
    (0..PARTITIONS)
        .map(|n| {
            let of = TopicPartition::new(ALERTS, n);
            admin.bounds(&of, Isolation::Committed, NOW).ok().map(|bounds| bounds.end.0)
        })
        .collect()
}

/// What a world is like.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub seed: u64,
    pub rates: Rates,
    pub moods: Moods,
    pub mutant: Option<Mutant>,
    pub rough: usize,
    pub alerts: usize,
    pub give_up_after: Duration,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rates: Rates::ROUGH,
            moods: Moods::ROUGH,
            mutant: None,
            rough: 200,
            alerts: 40,
            // Some worlds give up soon.
            give_up_after: Duration::from_secs(if seed.is_multiple_of(3) { 20 } else { 86_400 }),
        }
    }
}

/// Plays a world to its end.
///
/// # Errors
/// What does not hold.
pub fn play(world: World) -> Result<(), String> {
    let mut dice = Dice::new(world.seed);
    let cluster = cluster();
    let outside = Outside::seeded(dice.roll());
    let all = alerts(&mut dice, world.alerts);
    let lanes = || (0..NAMES.len()).map(|n| lane(n, QUEUE, world.give_up_after)).collect();
    let mut seeds = Dice::new(world.seed ^ 0x5eed);
    let mut start = || {
        let log = cluster.process();
        let worker = process(&log, &outside, lanes(), world.mutant, seeds.roll());
        (log, worker)
    };
    let mut processes: Vec<Option<(Memory, Notify<Memory, Fake>)>> =
        (0..PROCESSES).map(|_| Some(start())).collect();
    let (before, after) = all.split_at(all.len() / 2);
    produce(&cluster, before);
    for step in 0..30_000_usize {
        if step == 10 {
            cluster.set_faults(dice.roll(), world.rates);
            let mut outside = outside.lock().expect("nobody panicked");
            for number in 0..NAMES.len() {
                outside.moods.insert(number, world.moods);
            }
            // One of them takes nothing for long.
            let dead = usize::try_from(dice.below(4)).unwrap_or_default();
            outside.moods.insert(dead, Moods::DEAD);
        }
        if step == world.rough {
            cluster.set_faults(0, Rates::default());
            outside.lock().expect("nobody panicked").moods.clear();
            produce(&cluster, after);
        }
        let leap = if dice.below(30) == 0 { 20_000_000 } else { 300_000 };
        cluster.tick(cluster.now().plus(i64::try_from(dice.below(leap)).unwrap_or_default()));
        let number = usize::try_from(dice.below(PROCESSES as u64)).unwrap_or_default();
        let Some((log, worker)) = &mut processes[number] else {
            processes[number] = Some(start());
            continue;
        };
        let turned = worker.turn(NOW);
        if worker.held() > NAMES.len() * QUEUE {
            return Err(format!("{} notices are held", worker.held()));
        }
        if turned.is_err() || log.is_crashed() || (step < world.rough && dice.below(60) == 0) {
            log.crash();
            processes[number] = None;
        }
        if step.is_multiple_of(25) && (step > world.rough || dice.below(4) == 0) {
            cluster.set_faults(0, Rates::default());
            nothing_ahead(&cluster, &outside, &all)?;
            if step > world.rough && committed(&cluster) == ends(&cluster) {
                return in_order(&cluster, &outside, &all);
            }
            if (10..world.rough).contains(&step) {
                cluster.set_faults(dice.roll(), world.rates);
            }
        }
    }
    Err("it never came to an end".to_owned())
}

/// What stands in the dead letters: whose, and the alert's place.
fn letters(cluster: &Memory) -> BTreeSet<(String, String, String)> {
    read(cluster, LETTERS, 1)
        .into_iter()
        .map(|(_, _, _, headers)| {
            let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
            let whom = header("driftline-detail").split(':').next().unwrap_or_default().to_owned();
            (whom, header("driftline-partition"), header("driftline-offset"))
        })
        .collect()
}

/// What is committed was taken by every destination, or is in the dead letters.
pub fn nothing_ahead(
    cluster: &Memory,
    outside: &Arc<Mutex<Outside>>,
    all: &[Told],
) -> Result<(), String> {
    let Some(committed) = committed(cluster) else { return Ok(()) };
    let letters = letters(cluster);
    let known: BTreeMap<&[u8], &Told> = all.iter().map(|told| (&*told.value, told)).collect();
    let outside = outside.lock().expect("nobody panicked");
    let took: Vec<BTreeSet<String>> =
        (0..NAMES.len()).map(|n| outside.ids(n).into_iter().collect()).collect();
    for (partition, offset, value, _) in read(cluster, ALERTS, PARTITIONS) {
        if offset >= committed[partition as usize] {
            continue;
        }
        let at = (partition.to_string(), offset.to_string());
        let buried = |whom: &str| letters.contains(&(whom.to_owned(), at.0.clone(), at.1.clone()));
        if value == b"junk" {
            if !buried("the alert is not JSON") {
                return Err(format!("junk at {at:?} has no letter"));
            }
            continue;
        }
        let told = known[&*value];
        for (number, name) in NAMES.iter().enumerate() {
            if !took[number].contains(&told.id) && !buried(name) {
                return Err(format!("{} is committed, and {name} never took it", told.id));
            }
        }
    }
    Ok(())
}

/// Steps of one finding came in their order, as far as they were not repeated or given up: what
/// was given up may be taken when it is repeated.
fn in_order(cluster: &Memory, outside: &Arc<Mutex<Outside>>, all: &[Told]) -> Result<(), String> {
    let letters = letters(cluster);
    let stands: BTreeMap<Vec<u8>, (String, String)> = read(cluster, ALERTS, PARTITIONS)
        .into_iter()
        .map(|(partition, at, value, _)| (value, (partition.to_string(), at.to_string())))
        .collect();
    let place: BTreeMap<&str, usize> =
        all.iter().enumerate().map(|(place, told)| (&*told.id, place)).collect();
    let outside = outside.lock().expect("nobody panicked");
    for (number, name) in NAMES.iter().enumerate() {
        let mut seen = BTreeSet::new();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for id in outside.ids(number) {
            let Some(place) = place.get(&*id) else { continue };
            let (partition, at) = stands[&all[*place].value].clone();
            let buried = letters.contains(&((*name).to_owned(), partition, at));
            if buried || !seen.insert(*place) {
                continue;
            }
            let finding = &*all[*place].finding;
            if last.insert(finding, *place).is_some_and(|before| before > *place) {
                return Err(format!("{name} was told {id} of {finding} too late"));
            }
        }
    }
    Ok(())
}

/// Plays worlds until one fails; its seed and why.
pub fn first_failure(worlds: impl Iterator<Item = World>) -> Option<(u64, String)> {
    for world in worlds {
        let played = std::panic::catch_unwind(|| play(world));
        match played {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Some((world.seed, why)),
            Err(_) => return Some((world.seed, "it panicked".to_owned())),
        }
    }
    None
}

#[test]
fn everything_is_told_where_nothing_goes_wrong() {
    let calm = World { rates: Rates::default(), moods: Moods::default(), ..World::new(1) };
    assert_eq!(play(calm), Ok(()));
}

#[test]
fn everything_is_told_whatever_goes_wrong() {
    #[expect(clippy::disallowed_methods, reason = "how many and which is the tester's choice")]
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = asked("DRIFTLINE_SEED").unwrap_or(1);
    let count = asked("DRIFTLINE_SCHEDULES").unwrap_or(150);
    println!("DRIFTLINE_SEED={first} DRIFTLINE_SCHEDULES={count}");
    let failed = first_failure((first..first + count).map(World::new));
    assert_eq!(failed, None, "DRIFTLINE_SEED={} fails", failed.as_ref().map_or(0, |f| f.0));
}

/// A time that is not noon.
pub fn after(seconds: i64) -> Timestamp {
    lab::NOON.plus(seconds * 1_000_000)
}
