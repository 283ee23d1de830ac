//! Whose an account is: the registry of cloud accounts.
//!
//! What enters is an account as a cloud names it, and the tenant a source is bound to, if any;
//! what leaves is a [`Resolution`]. **Invariant:** nothing a record's sender could choose is
//! asked, but for the account, which only ever selects among what an operator wrote down.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::Provider;

/// To whom an event belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// To this tenant.
    Tenant(Arc<str>),
    /// To nobody known: the event is quarantined.
    Unmapped,
    /// The source's binding and the registry name different tenants: the event is quarantined.
    Conflict,
}

/// What becomes of an account that the registry does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmapped {
    /// Its events are quarantined.
    #[default]
    Quarantine,
    /// It is a tenant of its own, named by the account.
    OwnTenant,
}

/// Accounts and their tenants. Immutable once made; a new one replaces it.
#[derive(Clone, Debug)]
pub struct Registry {
    rule: Rule,
    names: BTreeMap<Box<str>, Box<str>>,
}

#[derive(Clone, Debug)]
enum Rule {
    Fixed(Arc<str>),
    Map { accounts: Accounts, unmapped: Unmapped },
}

/// By provider and account. Nested, so that a look-up borrows the account.
type Accounts = FxHashMap<Provider, FxHashMap<Box<str>, Arc<str>>>;

/// An account that two tenants claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account `{account}` of {provider} is claimed by `{first}` and by `{second}`")]
pub struct Claimed {
    /// The cloud.
    pub provider: Provider,
    /// The account.
    pub account: Box<str>,
    /// The tenant that had it first.
    pub first: Arc<str>,
    /// The other.
    pub second: Arc<str>,
}

impl Registry {
    /// Everything belongs to one tenant, whatever the account.
    #[must_use]
    pub fn fixed(tenant: &str) -> Self {
        Self { rule: Rule::Fixed(tenant.into()), names: BTreeMap::new() }
    }

    /// Each account is a tenant of its own, named by the account.
    #[must_use]
    pub fn own_tenants() -> Self {
        let rule = Rule::Map { accounts: Accounts::default(), unmapped: Unmapped::OwnTenant };
        Self { rule, names: BTreeMap::new() }
    }

    /// Accounts belong to the tenants that list them.
    ///
    /// # Errors
    /// Every account that two tenants claim.
    pub fn of_accounts<'a>(
        claims: impl IntoIterator<Item = (&'a str, Provider, &'a str)>,
        unmapped: Unmapped,
    ) -> Result<Self, Vec<Claimed>> {
        let mut accounts = Accounts::default();
        let mut faults = Vec::new();
        for (tenant, provider, account) in claims {
            let of_provider = accounts.entry(provider).or_default();
            let first = of_provider.entry(account.into()).or_insert_with(|| tenant.into());
            if **first != *tenant {
                let (first, second) = (Arc::clone(first), tenant.into());
                faults.push(Claimed { provider, account: account.into(), first, second });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { rule: Rule::Map { accounts, unmapped }, names: BTreeMap::new() })
    }

    /// The same registry, with names of tenants for people.
    #[must_use]
    pub fn with_names(mut self, names: BTreeMap<Box<str>, Box<str>>) -> Self {
        self.names = names;
        self
    }

    /// The tenant's name for people; its id where none was given.
    #[must_use]
    pub fn name<'a>(&'a self, tenant: &'a str) -> &'a str {
        self.names.get(tenant).map_or(tenant, |name| name)
    }

    /// Tells to whom an event of `account` belongs; `bound` is the tenant that its source is
    /// bound to by configuration. An empty account is one that the event does not tell.
    #[must_use]
    pub fn resolve(&self, provider: Provider, account: &str, bound: Option<&str>) -> Resolution {
        let (accounts, unmapped) = match &self.rule {
            Rule::Fixed(tenant) => return agreed(tenant, bound),
            Rule::Map { accounts, unmapped } => (accounts, *unmapped),
        };
        if let Some(tenant) = accounts.get(&provider).and_then(|of| of.get(account)) {
            return agreed(tenant, bound);
        }
        if let Some(bound) = bound {
            return Resolution::Tenant(bound.into());
        }
        match unmapped {
            Unmapped::OwnTenant if !account.is_empty() => Resolution::Tenant(account.into()),
            Unmapped::OwnTenant | Unmapped::Quarantine => Resolution::Unmapped,
        }
    }
}

fn agreed(tenant: &Arc<str>, bound: Option<&str>) -> Resolution {
    match bound {
        Some(bound) if *bound != **tenant => Resolution::Conflict,
        Some(_) | None => Resolution::Tenant(Arc::clone(tenant)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(unmapped: Unmapped) -> Registry {
        let claims = [
            ("acme", Provider::Aws, "111122223333"),
            ("acme", Provider::Huawei, "domain-1"),
            ("globex", Provider::Aws, "444455556666"),
        ];
        Registry::of_accounts(claims, unmapped).expect("no account is claimed twice")
    }

    #[test]
    fn the_tenant_comes_from_the_binding_or_the_map_and_they_must_agree() {
        let tenant = |name: &str| Resolution::Tenant(name.into());
        for (registry, provider, account, bound, expected) in [
            (mapped(Unmapped::Quarantine), Provider::Aws, "111122223333", None, tenant("acme")),
            (
                mapped(Unmapped::Quarantine),
                Provider::Aws,
                "111122223333",
                Some("acme"),
                tenant("acme"),
            ),
            (
                mapped(Unmapped::Quarantine),
                Provider::Aws,
                "111122223333",
                Some("globex"),
                Resolution::Conflict,
            ),
            // The same text in another cloud is another account.
            (
                mapped(Unmapped::Quarantine),
                Provider::Azure,
                "111122223333",
                None,
                Resolution::Unmapped,
            ),
            (mapped(Unmapped::Quarantine), Provider::Aws, "999", None, Resolution::Unmapped),
            (mapped(Unmapped::Quarantine), Provider::Aws, "999", Some("acme"), tenant("acme")),
            (mapped(Unmapped::OwnTenant), Provider::Aws, "999", None, tenant("999")),
            (mapped(Unmapped::OwnTenant), Provider::Aws, "", None, Resolution::Unmapped),
            (Registry::own_tenants(), Provider::Gcp, "project-1", None, tenant("project-1")),
            (Registry::fixed("acme"), Provider::Gcp, "", None, tenant("acme")),
            (Registry::fixed("acme"), Provider::Gcp, "x", Some("globex"), Resolution::Conflict),
        ] {
            assert_eq!(
                registry.resolve(provider, account, bound),
                expected,
                "{provider} `{account}` bound to {bound:?}"
            );
        }
    }

    #[test]
    fn an_account_that_two_tenants_claim_is_refused() {
        let claims = [("acme", Provider::Aws, "1"), ("globex", Provider::Aws, "1")];
        let faults = Registry::of_accounts(claims, Unmapped::Quarantine).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "account `1` of aws is claimed by `acme` and by `globex`"
        );
        let twice = [("acme", Provider::Aws, "1"), ("acme", Provider::Aws, "1")];
        assert!(Registry::of_accounts(twice, Unmapped::Quarantine).is_ok());
    }

    #[test]
    fn a_tenant_without_a_name_goes_by_its_id() {
        let names = BTreeMap::from([("acme".into(), "ACME Corporation".into())]);
        let registry = Registry::own_tenants().with_names(names);
        assert_eq!(registry.name("acme"), "ACME Corporation");
        assert_eq!(registry.name("globex"), "globex");
    }
}
