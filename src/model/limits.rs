//! Every bound of the core, by name.

/// Bounds and their defaults. Beyond a bound the behaviour is the one its line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record; a larger one is dead (`record_too_large`). Kafka's own default for
    /// a message is 1 MiB; audit files arrive whole, hence more.
    pub record_bytes: usize,
    /// Bytes that one record may decompress to, all levels together; `decompressed_too_large`.
    pub decompressed_bytes: usize,
    /// Nesting of JSON; `too_deep`.
    pub depth: usize,
    /// JSON values in one event; `too_many_nodes`.
    pub nodes: usize,
    /// Envelopes around one event; `too_many_envelopes`.
    pub unwrap_levels: usize,
    /// Events in one record; those beyond are dead (`too_many_events`), the others stay.
    pub events_per_record: usize,
    /// Bytes of one text kept in state; longer ones are cut with a visible mark.
    pub text_bytes: usize,
    /// Bytes that one event says of one facet, or in one field of a deed; of a larger one it is known
    /// only that it changed.
    pub facet_bytes: usize,
    /// Elements of one set, and as many removals of it; a facet with more is judged as partial on the
    /// newest, and what was open about the others stays so until it is seen to be removed. Of one
    /// event's elements the first count, and it is blind to the others.
    pub elements: usize,
    /// Resources of one cell; beyond it new ones are not taken up and the cell is degraded.
    pub resources_per_cell: usize,
    /// Events remembered unfolded per resource; older ones are folded into its base.
    pub recent_events: usize,
    /// Microseconds of event time within which late events are put in their place.
    pub lateness: i64,
    /// Microseconds within which a snapshot does not retract what an activity event said.
    pub settle: i64,
    /// Microseconds after which a started operation without an end is applied as provisional.
    pub pending: i64,
    /// Asynchronous operations remembered per cell; beyond it the oldest is given up as if its end
    /// were lost, and an end that comes after all speaks for itself alone.
    pub operations: usize,
    /// Writes of one cell that wait for a resource with the element they name; the oldest goes first.
    pub orphans: usize,
    /// Resources that one element's name may lead to; further ones are not found by that name.
    pub namesakes: usize,
    /// Event ids remembered per cell, for duplicates.
    pub remembered_ids: usize,
    /// Open findings per cell; beyond it new ones are counted and not opened.
    pub findings_per_cell: usize,
    /// Entries of one window's memory.
    pub window_entries: usize,
    /// Units of work of one evaluation; running out is an error of that detector alone.
    pub fuel: u32,
    /// Resources derived again because of one event; the rest waits for the next tick.
    pub fan_out: usize,
    /// Hops of references that a derived value may be away.
    pub derive_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const SECOND: i64 = 1_000_000;
        Self {
            record_bytes: 64 << 20,
            decompressed_bytes: 256 << 20,
            depth: 64,
            nodes: 200_000,
            unwrap_levels: 6,
            events_per_record: 10_000,
            text_bytes: 4 << 10,
            facet_bytes: 128 << 10,
            elements: 2_000,
            resources_per_cell: 200_000,
            recent_events: 16,
            lateness: 24 * 3_600 * SECOND,
            settle: 120 * SECOND,
            pending: 900 * SECOND,
            operations: 4_096,
            orphans: 1_024,
            namesakes: 16,
            remembered_ids: 4_096,
            findings_per_cell: 20_000,
            window_entries: 256,
            fuel: 100_000,
            fan_out: 1_000,
            derive_depth: 8,
        }
    }
}
