//! One decoded provider event, borrowed from its record.

use serde::{Deserialize, Serialize};

use super::ids::Provider;
use super::time::Timestamp;
use super::value::Val;

/// The wire format of a leaf. Envelopes are not formats: they are unwrapped before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Format {
    /// Huawei CTS trace.
    HuaweiCts,
    /// Huawei Config (RMS) notification, snapshot or history item.
    HuaweiConfig,
    /// AWS CloudTrail record.
    AwsCloudtrail,
    /// AWS Config configuration item.
    AwsConfig,
    /// Azure Activity Log, Event Hub or REST form.
    AzureActivity,
    /// Azure Event Grid resource event, or a Resource Notification.
    AzureEventGrid,
    /// GCP Cloud Audit Log entry.
    GcpAudit,
    /// GCP Cloud Asset Inventory feed.
    GcpAsset,
    /// Kubernetes audit event.
    KubernetesAudit,
    /// OCSF API Activity.
    OcsfApiActivity,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::HuaweiCts,
        Self::HuaweiConfig,
        Self::AwsCloudtrail,
        Self::AwsConfig,
        Self::AzureActivity,
        Self::AzureEventGrid,
        Self::GcpAudit,
        Self::GcpAsset,
        Self::KubernetesAudit,
        Self::OcsfApiActivity,
    ];

    /// The name in `--format`, outcomes and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HuaweiCts => "huawei-cts",
            Self::HuaweiConfig => "huawei-config",
            Self::AwsCloudtrail => "aws-cloudtrail",
            Self::AwsConfig => "aws-config",
            Self::AzureActivity => "azure-activity",
            Self::AzureEventGrid => "azure-event-grid",
            Self::GcpAudit => "gcp-audit",
            Self::GcpAsset => "gcp-asset",
            Self::KubernetesAudit => "kubernetes-audit",
            Self::OcsfApiActivity => "ocsf-api-activity",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// Whether an event says who asked for what, or what a resource now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// CTS, CloudTrail, Azure Activity, GCP audit, Kubernetes audit, OCSF.
    Activity,
    /// Huawei Config, AWS Config, Azure Resource Notifications, GCP asset feed.
    State,
}

/// What the index of mappings is asked with: enough to know whether anything reads the event.
///
/// Texts are as the cloud wrote them; folding (case, versions, `-` and `_`) is the index's work.
#[derive(Clone, Copy, Debug)]
pub struct EventKey<'a> {
    /// Whose event it is.
    pub provider: Provider,
    /// Activity or state.
    pub family: Family,
    /// Service: CTS `service_type`, CloudTrail `eventSource`, Azure resource provider, GCP
    /// `serviceName`, Kubernetes API group; for state events the empty text.
    pub service: &'a str,
    /// CTS `resource_type`, Kubernetes `objectRef.resource` (with `/subresource`); else empty.
    pub resource_type: &'a str,
    /// CTS `trace_name`, CloudTrail `eventName`, Azure `operationName` without its provider,
    /// GCP `methodName`, Kubernetes verb; for state events the cloud's resource type
    /// (`vpc.securityGroups`, `AWS::EC2::SecurityGroup`, `microsoft.network/...`,
    /// `compute.googleapis.com/Firewall`).
    pub name: &'a str,
}

/// Whether an event stands alone or is one end of a longer operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase<'a> {
    /// The whole operation.
    Single,
    /// Something was asked for; the end carries the same operation id.
    Start(&'a str),
    /// The operation ended (see [`Event::error`] for how).
    End(&'a str),
}

/// Whose doing an event was (reference: controls, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// A tenant's identity decided and called.
    Tenant,
    /// A cloud service carried out what the tenant had configured.
    TenantViaService,
    /// No tenant decided it.
    Provider,
}

/// Who did it, from where, with what. Empty text means that the event does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Actor<'a> {
    /// The stable identifier: ARN, URN, e-mail, object id.
    pub id: &'a str,
    /// The name people use.
    pub name: &'a str,
    /// The cloud's own word for the sort of identity (`IAMUser`, `AssumedAgency`, ...).
    pub kind: &'a str,
    /// The account the identity belongs to, where the event says.
    pub account: &'a str,
    /// The key or session credential used, never the secret.
    pub credential: &'a str,
    /// The service that called on the identity's behalf.
    pub invoked_by: &'a str,
    /// The account's owner (AWS root, Huawei `principal_is_root_user`).
    pub root: bool,
    /// Whether a second factor stood behind the session; `None` where the event does not say.
    pub mfa: Option<bool>,
    /// Source address as text; a service's name where the cloud writes one there.
    pub source_ip: &'a str,
    /// User agent.
    pub user_agent: &'a str,
}

/// Why the cloud refused or failed a call.
#[derive(Clone, Copy, Debug)]
pub struct CallError<'a> {
    /// The cloud's code, or a short word where it gives none.
    pub code: &'a str,
    /// The cloud's text; may be empty.
    pub message: &'a str,
}

/// What an event says, as trees.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    /// What was asked; strings that hold JSON already opened. `Unsaid` when empty or absent.
    pub request: Val<'a>,
    /// What was answered; as `request`.
    pub response: Val<'a>,
    /// The whole leaf as parsed; for state events mappings read it by its own field names.
    pub raw: Val<'a>,
    /// The resource the event itself names (CTS `resource_id`, Azure `resourceId`, GCP
    /// `resourceName`, ARN); empty where none.
    pub resource_id: &'a str,
    /// The resource's name where the event has one beside the id; empty where none.
    pub resource_name: &'a str,
}

/// One event in the shape all formats share.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The wire format it came in.
    pub format: Format,
    /// What it is indexed by.
    pub key: EventKey<'a>,
    /// The cloud's id of it, or one made of the fields that identify it (formats.md section 2).
    pub id: &'a str,
    /// When it happened; for state events when the configuration was captured.
    pub time: Timestamp,
    /// When the cloud recorded it, where it says.
    pub recorded: Option<Timestamp>,
    /// True when `time` is an envelope's because the leaf had none that can be read.
    pub time_inferred: bool,
    /// The account that owns the resource; empty where the event cannot tell.
    pub account: &'a str,
    /// Region; empty where the event does not say.
    pub region: &'a str,
    /// The read-only mark, where the format has one or its verb is decisive.
    pub read_only: Option<bool>,
    /// Set when the call was refused or failed.
    pub error: Option<CallError<'a>>,
    /// Single, start or end.
    pub phase: Phase<'a>,
    /// Who.
    pub actor: Actor<'a>,
    /// Whose doing.
    pub ownership: Ownership,
    /// What.
    pub body: Body<'a>,
}
