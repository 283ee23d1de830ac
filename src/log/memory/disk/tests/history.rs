//! Any history, then the folder opened again: everything is as it was.

use proptest::prelude::*;

use super::super::super::super::Call;
use super::super::super::{Fault, Rates};
use super::*;

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Step {
    Make(u8, u32, bool),
    Grow(u8, u32),
    Send(u8, u32, u8),
    Pour(u8, u32, u8),
    Begin(usize),
    Within(usize, u8, u32, u8),
    Offsets(usize, u64),
    Decide(usize, bool),
    Renew(usize),
    Commit(u64),
    Trim(u8, u32, u64),
    Clean(u8),
    Tick(u32),
    Fail(usize),
    Rough(u64),
    Reopen,
}

const FAULTS: [(Call, Fault); 6] = [
    (Call::Commit, Fault::LoseReply),
    (Call::Commit, Fault::HoldMarkers(3)),
    (Call::Abort, Fault::HoldMarkers(3)),
    (Call::Commit, Fault::Late(2)),
    (Call::Drain, Fault::LoseReply),
    (Call::CommitOffsets, Fault::LoseReply),
];

/// Much goes wrong, but no process dies: there is only one.
const RATES: Rates = Rates { crash: 0, ..Rates::ROUGH };

fn step() -> impl Strategy<Value = Step> {
    let topic = 0..3_u8;
    let by = 0..2_usize;
    prop_oneof![
        2 => (topic.clone(), 1..4_u32, any::<bool>()).prop_map(|(t, n, c)| Step::Make(t, n, c)),
        1 => (topic.clone(), 1..6_u32).prop_map(|(t, n)| Step::Grow(t, n)),
        4 => (topic.clone(), 0..4_u32, any::<u8>()).prop_map(|(t, n, v)| Step::Send(t, n, v)),
        2 => (topic.clone(), 0..4_u32, any::<u8>()).prop_map(|(t, n, v)| Step::Pour(t, n, v)),
        3 => by.clone().prop_map(Step::Begin),
        6 => (by.clone(), topic.clone(), 0..4_u32, any::<u8>())
            .prop_map(|(p, t, n, v)| Step::Within(p, t, n, v)),
        3 => (by.clone(), 0..50_u64).prop_map(|(p, o)| Step::Offsets(p, o)),
        4 => (by.clone(), any::<bool>()).prop_map(|(p, c)| Step::Decide(p, c)),
        1 => by.prop_map(Step::Renew),
        2 => (0..50_u64).prop_map(Step::Commit),
        1 => (topic.clone(), 0..4_u32, 0..20_u64).prop_map(|(t, n, o)| Step::Trim(t, n, o)),
        2 => topic.prop_map(Step::Clean),
        2 => (1..20_u32).prop_map(Step::Tick),
        1 => (0..FAULTS.len()).prop_map(Step::Fail),
        1 => any::<u64>().prop_map(Step::Rough),
        1 => Just(Step::Reopen),
    ]
}

/// A log, and those who use it.
struct Stage {
    log: Memory,
    consumer: MemoryConsumer,
    producers: Vec<MemoryProducer>,
    plain: MemoryProducer,
}

fn name(topic: u8) -> String {
    format!("t{topic}")
}

impl Stage {
    fn new(log: Memory) -> Self {
        let consumer = log.consumer(&membership("t0")).expect("a consumer");
        let producers = (0..2).map(|number| Self::producer(&log, number)).collect();
        Self { consumer, producers, plain: plain(&log), log }
    }

    fn producer(log: &Memory, number: usize) -> MemoryProducer {
        let timeout = Duration::from_secs(30);
        let id = format!("id-{number}");
        let mut producer =
            log.producer(&Promise::Transactional { id, timeout }).expect("a producer");
        // Where it is not let in, its calls are refused, as they may be.
        let _ = producer.init(NOW);
        producer
    }

    /// Whatever is refused is refused: what counts is that both logs say the same.
    fn play(&mut self, step: &Step) {
        let key = |value: u8| [value % 5];
        match step {
            Step::Make(topic, partitions, compact) => {
                let policy = if *compact { "compact" } else { "delete" };
                let settings = [("cleanup.policy", policy), ("retention.ms", "9000"), ("x", "y")];
                let _ = try_make(&self.log, &name(*topic), *partitions, &settings);
            }
            Step::Grow(topic, partitions) => {
                let mut admin = self.log.admin().expect("an admin");
                let _ = admin.grow(&name(*topic), *partitions, NOW);
            }
            Step::Send(topic, partition, value) => {
                let (topic, key, time) = (name(*topic), key(*value), self.log.now());
                for copy in 0..value % 3 {
                    let value = format!("{value}.{copy}");
                    let record =
                        Outgoing { key: Some(&key), time, ..record(&topic, *partition, &value) };
                    let _ = self.plain.send(&record);
                }
                self.plain.drain(NOW);
            }
            Step::Pour(topic, partition, value) => {
                let (topic, text) = (name(*topic), value.to_string());
                let record = record(&topic, *partition, &text);
                let at = commit(place("a file", 0), u64::from(*value), &text);
                let _ = self.log.pour(&[record, record], "sources", &at);
            }
            Step::Begin(by) => {
                let _ = self.producers[*by].begin();
            }
            Step::Within(by, topic, partition, value) => {
                let (topic, key, text) = (name(*topic), key(*value), value.to_string());
                let value = (value % 7 > 0).then_some(text.as_bytes());
                let time = self.log.now();
                let record =
                    Outgoing { key: Some(&key), value, time, ..record(&topic, *partition, &text) };
                let _ = self.producers[*by].send(&record);
                self.producers[*by].drain(NOW);
            }
            Step::Offsets(by, next) => {
                let _ = self.consumer.poll(NOW, &mut |_| {});
                let Ok(member) = self.consumer.member() else { return };
                let offset = commit(place("t0", 0), *next, &format!("by {by}"));
                let _ = self.producers[*by].send_offsets(&[offset], &member, NOW);
            }
            Step::Decide(by, true) => {
                let _ = self.producers[*by].commit();
            }
            Step::Decide(by, false) => {
                let _ = self.producers[*by].abort(NOW);
            }
            Step::Renew(by) => self.producers[*by] = Self::producer(&self.log, *by),
            Step::Commit(next) => {
                let _ = self.consumer.poll(NOW, &mut |_| {});
                let _ = self.consumer.commit(&[commit(place("t0", 0), *next, "alone")]);
            }
            Step::Trim(topic, partition, before) => {
                let mut admin = self.log.admin().expect("an admin");
                let _ = admin.trim(&place(&name(*topic), *partition), Offset(*before), NOW);
            }
            Step::Clean(topic) => self.log.clean(&name(*topic)),
            Step::Tick(seconds) => {
                self.log.tick(self.log.now().plus(i64::from(*seconds) * 1_000_000));
            }
            Step::Fail(which) => self.log.fail_next(FAULTS[*which].0, FAULTS[*which].1),
            Step::Rough(seed) => self.log.set_faults(*seed, RATES),
            Step::Reopen => {}
        }
    }
}

/// Values and offsets that committed readers and groups see, whatever was cleaned since.
fn answered(whole: &Whole) -> String {
    format!("{:?}", whole.offsets)
}

proptest! {
    #[test]
    fn any_history_ended_in_order_is_there_again(
        steps in proptest::collection::vec(step(), 0..120),
        least in prop_oneof![Just(u64::MAX), 100..2_000_u64],
    ) {
        let folder = folder();
        let mut stage = Stage::new(opened(folder.path()));
        for step in steps.iter().chain([&Step::Reopen]) {
            if !matches!(step, Step::Reopen) {
                stage.play(step);
                continue;
            }
            let now = stage.log.now();
            let copy = left(&fs::read(journal(folder.path())).expect("it reads"));
            let before = whole(&stage.log);
            drop(stage);
            let log = opened(folder.path());
            prop_assert_eq!(&whole(&log), &before);
            let crashed = whole(&opened(copy.path()));
            prop_assert_eq!(answered(&crashed), answered(&before), "a crash loses no answer");
            if let Some(journal) = &mut log.broker().journal {
                (journal.least, journal.look_at) = (least, least.min(journal.look_at));
            }
            log.tick(now);
            stage = Stage::new(log);
        }
    }

    #[test]
    fn a_kept_log_does_what_one_in_memory_does(
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let folder = folder();
        let (mut kept, mut free) =
            (Stage::new(opened(folder.path())), Stage::new(Memory::new()));
        // Held markers: only a kept log says that a decision which is not written is none.
        for step in steps.iter().filter(|step| !matches!(step, Step::Fail(_) | Step::Rough(_))) {
            kept.play(step);
            free.play(step);
        }
        prop_assert_eq!(whole(&kept.log), whole(&free.log));
    }
}
