//! By which channel a change came about, told from the user agent and the calling service.

use crate::model::{Cause, Family};

/// The way in which an event was caused. A hint for people: the caller chooses its user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A person in the cloud's console.
    Console,
    /// A command line, an SDK or a script.
    Tool,
    /// Terraform, Pulumi, `CloudFormation`, Huawei RFS and their like.
    InfrastructureAsCode,
    /// A service of the cloud.
    Service,
    /// The event does not say.
    Unknown,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 5] =
        [Self::Console, Self::Tool, Self::InfrastructureAsCode, Self::Service, Self::Unknown];

    /// The name in alerts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Tool => "tool",
            Self::InfrastructureAsCode => "infrastructure as code",
            Self::Service => "service",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the channel from an event's user agent, calling service and source.
    ///
    /// Infrastructure as code is asked first: it runs as a tool, and behind a service as well.
    #[must_use]
    pub fn of(cause: &Cause) -> Self {
        let agent = cause.user_agent.to_ascii_lowercase();
        let by = cause.invoked_by.to_ascii_lowercase();
        let any = |words: &[&str]| words.iter().any(|w| agent.contains(w) || by.contains(w));
        if any(INFRASTRUCTURE_AS_CODE) || INFRASTRUCTURE_SERVICES.contains(&&*by) {
            return Self::InfrastructureAsCode;
        }
        if any(CONSOLES) {
            return Self::Console;
        }
        if !by.is_empty() || is_service(&agent) {
            return Self::Service;
        }
        if agent.starts_with("mozilla/") {
            return Self::Console;
        }
        if !agent.is_empty() {
            return Self::Tool;
        }
        if cause.family == Family::Activity && is_service(&cause.source_ip.to_ascii_lowercase()) {
            return Self::Service;
        }
        Self::Unknown
    }
}

/// Words that only infrastructure as code writes. Huawei's own provider calls itself
/// `terraform-provider-iac` when the resource formation service (RFS) runs it.
const INFRASTRUCTURE_AS_CODE: &[&str] = &[
    "terraform",
    "opentofu",
    "pulumi",
    "cloudformation",
    "crossplane",
    "ansible",
    "bicep",
    "config-connector",
    "cnrm",
    "aws-cdk",
];

/// Services that run a user's templates, where their name stands alone.
const INFRASTRUCTURE_SERVICES: &[&str] = &["rfs", "aos", "op_svc_rfs", "microsoft.resources"];

/// What consoles write: AWS `console.amazonaws.com`, `signin.amazonaws.com`, `AWS Console`,
/// Huawei `service.console` and `console.huaweicloud.com`, GCP's and Azure's portals.
const CONSOLES: &[&str] = &[
    "console.amazonaws.com",
    "signin.amazonaws.com",
    "aws-console",
    "aws console",
    "[s3console/",
    "service.console",
    "console.huaweicloud",
    "console-",
    "portal.azure.com",
    "console.cloud.google",
];

/// `AWS Internal`, `autoscaling.amazonaws.com`, and the like.
fn is_service(text: &str) -> bool {
    text.starts_with("aws internal") || text.ends_with(".amazonaws.com")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_channel_is_told_from_agent_and_caller() {
        for (agent, invoked_by, expected) in [
            ("APN/1.0 HashiCorp/1.0 Terraform/1.9.5", "", Channel::InfrastructureAsCode),
            ("terraform-provider-iac", "", Channel::InfrastructureAsCode),
            ("Pulumi/3.1 aws-sdk-go/2", "", Channel::InfrastructureAsCode),
            (
                "cloudformation.amazonaws.com",
                "cloudformation.amazonaws.com",
                Channel::InfrastructureAsCode,
            ),
            ("", "RFS", Channel::InfrastructureAsCode),
            ("console.amazonaws.com", "", Channel::Console),
            ("Mozilla/5.0 (X11; Linux x86_64)", "", Channel::Console),
            ("", "service.console", Channel::Console),
            ("AWS Internal", "", Channel::Service),
            ("Mozilla/5.0", "autoscaling.amazonaws.com", Channel::Service),
            ("autoscaling.amazonaws.com", "", Channel::Service),
            ("aws-cli/2.17 Python/3.12", "", Channel::Tool),
            ("HuaweiCloud-SDK-Go/3.1", "", Channel::Tool),
            ("", "", Channel::Unknown),
        ] {
            let mut cause = samples::cause();
            cause.user_agent = agent.into();
            cause.invoked_by = invoked_by.into();
            assert_eq!(Channel::of(&cause), expected, "`{agent}` by `{invoked_by}`");
        }
    }
}
