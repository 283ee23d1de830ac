//! librdkafka's errors into what they demand.
//!
//! The demands follow librdkafka's manual ("Transactional Producer", `rdkafka.h`) where it is
//! sure, and what was measured on Apache Kafka 4.3 where it is not.

use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode as Code};

use super::super::error::CREATE;
use super::super::{Call, Cause, LogError, Trouble};

/// What a code outside a transaction demands.
pub(super) fn by_code(call: Call, code: Code, detail: &str) -> LogError {
    let cause = cause_of(code);
    let detail = if detail.is_empty() { code.to_string() } else { detail.to_owned() };
    let trouble = Trouble::new(call, cause, detail);
    match cause {
        Cause::Authentication => LogError::Configuration {
            trouble,
            fix: "correct `kafka.security`: mechanism, username, password, certificates".to_owned(),
        },
        Cause::Permission => LogError::Configuration { trouble, fix: permission(code).to_owned() },
        Cause::Missing => LogError::Configuration { trouble, fix: CREATE.to_owned() },
        Cause::Unfit => {
            LogError::Configuration { trouble, fix: "ask for what the cluster allows".to_owned() }
        }
        Cause::TooLarge => LogError::Refused(trouble),
        Cause::Generation => LogError::Abort(trouble),
        Cause::Fenced if is_of_consumers(code) => LogError::Rebuild(trouble),
        Cause::Fenced => LogError::Fenced(trouble),
        Cause::State => LogError::Stop(trouble),
        Cause::Unreachable
        | Cause::TimedOut
        | Cause::Coordinator
        | Cause::Undecided
        | Cause::Delivery
        | Cause::QueueFull
        | Cause::Storage
        | Cause::Crashed
        | Cause::Other => LogError::Retry(trouble),
    }
}

/// What an error outside a transaction demands.
pub(super) fn plain(call: Call, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code().or(admin_code(error)) {
        Some(code) => by_code(call, code, &error.to_string()),
        None => LogError::Retry(Trouble::new(call, Cause::Other, error.to_string())),
    }
}

fn admin_code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        _ => None,
    }
}

/// What an error of a transactional call demands. Where the library says none of retriable, abort
/// or fatal, its manual has it taken for fatal.
pub(super) fn transactional(call: Call, error: &KafkaError) -> LogError {
    let KafkaError::Transaction(error) = error else {
        // `Flush` is the wrapper's own wait that ran out: nothing is known.
        let cause = error.rdkafka_error_code().map_or(Cause::Other, cause_of);
        return LogError::Unknown(Trouble::new(call, cause, error.to_string()));
    };
    let cause = cause_of(error.code());
    if matches!(cause, Cause::Authentication | Cause::Permission) {
        return by_code(call, error.code(), &error.string());
    }
    let trouble = Trouble::new(call, cause, describe(error));
    if error.txn_requires_abort() {
        return LogError::Abort(trouble);
    }
    if cause == Cause::Fenced {
        return LogError::Fenced(trouble);
    }
    // A decision that was not answered is not made again by the same producer: its late twin
    // could meet the next transaction (KAFKA-17754).
    let decides = matches!(call, Call::Commit | Call::Abort);
    if error.is_retriable() && !error.is_fatal() && !decides {
        return LogError::Retry(trouble);
    }
    LogError::Unknown(trouble)
}

fn describe(error: &RDKafkaError) -> String {
    format!("{} ({})", error.string(), error.name())
}

/// What an undelivered record demands.
pub(super) fn undelivered(error: &KafkaError, transactional: bool) -> LogError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
    let cause = cause_of(code);
    let trouble = Trouble::new(Call::Drain, Cause::Delivery, error.to_string());
    match cause {
        Cause::TooLarge => LogError::Refused(Trouble::new(Call::Drain, cause, error.to_string())),
        Cause::Permission | Cause::Authentication | Cause::Missing => {
            by_code(Call::Drain, code, &error.to_string())
        }
        Cause::Fenced => LogError::Fenced(Trouble::new(Call::Drain, cause, error.to_string())),
        _ if transactional => LogError::Abort(trouble),
        _ => LogError::Retry(trouble),
    }
}

pub(super) fn cause_of(code: Code) -> Cause {
    match code {
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve => Cause::Unreachable,
        Code::OperationTimedOut
        | Code::MessageTimedOut
        | Code::RequestTimedOut
        | Code::NetworkException => Cause::TimedOut,
        Code::NotCoordinator
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::WaitingForCoordinator => Cause::Coordinator,
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::RebalanceInProgress
        | Code::StaleMemberEpoch
        | Code::AssignmentLost => Cause::Generation,
        Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::InvalidTransactionalState
        | Code::InvalidProducerIdMapping
        | Code::FencedInstanceId
        | Code::FencedMemberEpoch
        | Code::UnreleasedInstanceId => Cause::Fenced,
        Code::ConcurrentTransactions | Code::UnstableOffsetCommit => Cause::Undecided,
        Code::QueueFull => Cause::QueueFull,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::InvalidRecord => {
            Cause::TooLarge
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Cause::Missing
        }
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => Cause::Authentication,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Cause::Permission,
        Code::InvalidTopic
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidReplicaAssignment
        | Code::InvalidConfig
        | Code::PolicyViolation
        | Code::InvalidTransactionTimeout
        | Code::InvalidSessionTimeout
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature => Cause::Unfit,
        Code::State | Code::Conflict | Code::InvalidArgument => Cause::State,
        _ => Cause::Other,
    }
}

fn is_of_consumers(code: Code) -> bool {
    matches!(code, Code::FencedInstanceId | Code::FencedMemberEpoch | Code::UnreleasedInstanceId)
}

fn permission(code: Code) -> &'static str {
    match code {
        Code::GroupAuthorizationFailed => "let this client read the group (an ACL on `Group`)",
        Code::TransactionalIdAuthorizationFailed => {
            "let this client write with the transactional id (an ACL on `TransactionalId`, prefixed)"
        }
        Code::TopicAuthorizationFailed => {
            "let this client describe, read and write the topics of its role (ACLs on `Topic`: `Describe`, \
             `DescribeConfigs`, `Read`, `Write`; docs/operations.md has the list)"
        }
        _ => "let this client do this (an ACL on `Cluster`), or have it done by someone who may",
    }
}
