//! The fate of an event, and the closed list of reasons for which one is refused.

/// What became of an event. Each event has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Changed the state of at least one resource.
    Applied,
    /// Spoke of a watched resource, and nothing was different.
    Unchanged,
    /// Only reads.
    ReadOnly,
    /// The cloud refused or failed the call.
    Failed,
    /// Changed something watched, and its body does not say to what.
    Blind,
    /// The start of an asynchronous operation, or an end still waiting for its start.
    Pending,
    /// Well understood, and no mapping reads it.
    Unwatched,
    /// The provider's own doing on a provider-owned resource.
    Provider,
    /// Read by a mapping, and already applied.
    Duplicate,
    /// No tenant can be told, or two sources disagree.
    Quarantined,
    /// Refused, with a [`DeadReason`].
    Dead,
}

impl Outcome {
    /// Every outcome, in the order in which summaries list them.
    pub const ALL: [Self; 11] = [
        Self::Applied,
        Self::Unchanged,
        Self::ReadOnly,
        Self::Failed,
        Self::Blind,
        Self::Pending,
        Self::Unwatched,
        Self::Provider,
        Self::Duplicate,
        Self::Quarantined,
        Self::Dead,
    ];

    /// The name in outcome files and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::ReadOnly => "read_only",
            Self::Failed => "failed",
            Self::Blind => "blind",
            Self::Pending => "pending",
            Self::Unwatched => "unwatched",
            Self::Provider => "provider",
            Self::Duplicate => "duplicate",
            Self::Quarantined => "quarantined",
            Self::Dead => "dead",
        }
    }
}

/// Why a record or an event was refused: the metric label, the dead-letter header and the
/// documentation are this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadReason {
    /// The record is larger than `limits.record_bytes`.
    RecordTooLarge,
    /// Compressed data grows beyond `limits.decompressed_bytes`.
    DecompressedTooLarge,
    /// Compressed data does not decompress.
    BadCompression,
    /// Text that announces base64 is not base64.
    BadBase64,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text is not JSON.
    NotJson,
    /// JSON nested deeper than `limits.depth`.
    TooDeep,
    /// JSON of more than `limits.nodes` values.
    TooManyNodes,
    /// More envelopes than `limits.unwrap_levels`.
    TooManyEnvelopes,
    /// A record of more than `limits.events_per_record` events.
    TooManyEvents,
    /// A record in which no event can be found.
    Empty,
    /// JSON that no format recognises.
    Unrecognised,
    /// Recognised, but a field that its format always carries is missing.
    MissingField,
    /// Recognised, but a field holds what its format does not allow.
    BadField,
    /// No instant can be read, and none of the envelopes has one.
    NoTime,
    /// A notification that names where the configuration is stored, without carrying it.
    Pointer,
    /// A notification about the delivery itself, or a rule's verdict: no configuration in it.
    NotAChange,
    /// Reading it broke the program: a fault of Driftline's, told in the log.
    Broke,
    /// An alert that a destination refused for good.
    DestinationRefused,
    /// An alert that a destination did not take within `notify.give_up_after`.
    DestinationFailed,
}

impl DeadReason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::RecordTooLarge,
        Self::DecompressedTooLarge,
        Self::BadCompression,
        Self::BadBase64,
        Self::NotUtf8,
        Self::NotJson,
        Self::TooDeep,
        Self::TooManyNodes,
        Self::TooManyEnvelopes,
        Self::TooManyEvents,
        Self::Empty,
        Self::Unrecognised,
        Self::MissingField,
        Self::BadField,
        Self::NoTime,
        Self::Pointer,
        Self::NotAChange,
        Self::Broke,
        Self::DestinationRefused,
        Self::DestinationFailed,
    ];

    /// The name in outcomes, headers and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecordTooLarge => "record_too_large",
            Self::DecompressedTooLarge => "decompressed_too_large",
            Self::BadCompression => "bad_compression",
            Self::BadBase64 => "bad_base64",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::TooManyNodes => "too_many_nodes",
            Self::TooManyEnvelopes => "too_many_envelopes",
            Self::TooManyEvents => "too_many_events",
            Self::Empty => "empty",
            Self::Unrecognised => "unrecognised",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::NoTime => "no_time",
            Self::Pointer => "pointer",
            Self::NotAChange => "not_a_change",
            Self::Broke => "broke",
            Self::DestinationRefused => "destination_refused",
            Self::DestinationFailed => "destination_failed",
        }
    }
}
