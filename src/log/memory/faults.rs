//! What goes wrong, and when: by a seed, or by a script.
//!
//! **Invariant:** the same seed and the same calls give the same faults.

use std::collections::VecDeque;

use super::super::Call;

/// What goes wrong at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has done nothing.
    Refuse,
    /// The call is done, and its caller hears of a failure.
    LoseReply,
    /// A decision to commit or abort is carried out so many calls later, of all clients'; its
    /// caller hears of a failure now. Other calls are as with [`Fault::Refuse`].
    Late(u32),
    /// The process dies before the call.
    Crash,
    /// The process dies once the call is done.
    CrashAfter,
    /// The process stands still for so many microseconds while the world goes on.
    Pause(i64),
    /// All groups go on to another generation.
    Rebalance,
    /// No broker answers for so many calls, of all clients'.
    Down(u32),
    /// Decided transactions stay unsettled for so many calls, of all clients'.
    HoldMarkers(u32),
    /// What the producer before left open is aborted when its id is given anew, and of that, or of
    /// what was decided before, none of the markers is written, as by a broker that comes up and
    /// knows its partitions too late. Calls other than [`Call::Init`] go well.
    LoseMarkers,
}

/// How often things go wrong, in calls of 10,000. All is well by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// [`Fault::Refuse`].
    pub refuse: u16,
    /// [`Fault::LoseReply`].
    pub lose_reply: u16,
    /// [`Fault::Late`].
    pub late: u16,
    /// [`Fault::Crash`] and [`Fault::CrashAfter`], each.
    pub crash: u16,
    /// [`Fault::Pause`].
    pub pause: u16,
    /// [`Fault::Rebalance`].
    pub rebalance: u16,
    /// [`Fault::Down`].
    pub down: u16,
    /// [`Fault::HoldMarkers`].
    pub hold_markers: u16,
    /// [`Fault::LoseMarkers`].
    pub lose_markers: u16,
}

impl Rates {
    /// Everything goes wrong, each at one call of a few hundred.
    pub const ROUGH: Self = Self {
        refuse: 60,
        lose_reply: 60,
        late: 60,
        crash: 10,
        pause: 20,
        rebalance: 20,
        down: 5,
        hold_markers: 30,
        lose_markers: 100,
    };
}

/// The longest pause that a seed draws, in microseconds: beyond sessions and transactions.
const LONGEST_PAUSE: u64 = 90_000_000;
/// The most calls by which a seed delays anything.
const LONGEST_DELAY: u64 = 40;

/// A small generator of numbers (`SplitMix64`, Steele, Lea and Flood 2014): good enough to draw
/// faults, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall the same way for a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.roll() % bound }
    }
}

/// Decides at each call whether something goes wrong.
#[derive(Debug)]
pub(super) struct Injector {
    dice: Dice,
    rates: Rates,
    script: VecDeque<(Call, Fault)>,
}

impl Injector {
    pub(super) fn new(seed: u64, rates: Rates) -> Self {
        Self { dice: Dice::new(seed), rates, script: VecDeque::new() }
    }

    /// Has the next call of a sort go wrong; several for one sort come one after the other.
    pub(super) fn script(&mut self, call: Call, fault: Fault) {
        self.script.push_back((call, fault));
    }

    pub(super) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    pub(super) fn draw(&mut self, call: Call) -> Option<Fault> {
        if let Some(at) = self.script.iter().position(|(of, _)| *of == call) {
            return self.script.remove(at).map(|(_, fault)| fault);
        }
        if self.rates == Rates::default() {
            return None;
        }
        let mut rest = self.dice.below(10_000);
        let delay = 1 + u32::try_from(self.dice.below(LONGEST_DELAY)).unwrap_or_default();
        let pause = i64::try_from(self.dice.below(LONGEST_PAUSE)).unwrap_or_default();
        let Rates { refuse, lose_reply, late, crash, pause: paused, .. } = self.rates;
        let Rates { rebalance, down, hold_markers, lose_markers, .. } = self.rates;
        let table = [
            (refuse, Fault::Refuse),
            (lose_reply, Fault::LoseReply),
            (late, Fault::Late(delay)),
            (crash, Fault::Crash),
            (crash, Fault::CrashAfter),
            (paused, Fault::Pause(pause)),
            (rebalance, Fault::Rebalance),
            (down, Fault::Down(delay)),
            (hold_markers, Fault::HoldMarkers(delay)),
            (lose_markers, Fault::LoseMarkers),
        ];
        for (rate, fault) in table {
            if rest < u64::from(rate) {
                return Some(fault);
            }
            rest -= u64::from(rate);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<Option<Fault>> {
        let mut injector = Injector::new(seed, Rates::ROUGH);
        (0..5_000).map(|_| injector.draw(Call::Poll)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_and_another_gives_others() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn every_fault_is_drawn_and_most_calls_go_well() {
        let faults = drawn(3);
        let well = faults.iter().filter(|fault| fault.is_none()).count();
        assert!((4_500..5_000).contains(&well), "{well}");
        let sorts: std::collections::BTreeSet<String> = faults
            .iter()
            .flatten()
            .map(|fault| format!("{fault:?}").split('(').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(sorts.len(), 10, "{sorts:?}");
    }

    #[test]
    fn a_script_strikes_the_call_it_names_in_order() {
        let mut injector = Injector::new(0, Rates::default());
        injector.script(Call::Commit, Fault::LoseReply);
        injector.script(Call::Commit, Fault::Refuse);
        assert_eq!(injector.draw(Call::Poll), None);
        assert_eq!(injector.draw(Call::Commit), Some(Fault::LoseReply));
        assert_eq!(injector.draw(Call::Commit), Some(Fault::Refuse));
        assert_eq!(injector.draw(Call::Commit), None);
    }
}
