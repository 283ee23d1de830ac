//! The registry's file into a [`Registry`].

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::Provider;
use crate::tenant::Registry;

use super::raw::{Account, RawRegistry};
use super::{ConfigError, files, yaml};

/// Reads the registry of accounts.
///
/// # Errors
/// Every fault: unknown keys and clouds, accounts that two tenants claim.
pub fn read_registry(path: &Path) -> Result<Registry, ConfigError> {
    let text = files::read_text(path)?;
    let name = path.display().to_string();
    let raw: RawRegistry = yaml::read(&name, &text)?;
    registry(&raw).map_err(|faults| ConfigError::Invalid {
        faults: faults.into_iter().map(|fault| format!("{name}: {fault}")).collect(),
    })
}

fn registry(raw: &RawRegistry) -> Result<Registry, Vec<String>> {
    let mut faults = Vec::new();
    let mut claims: Vec<(&str, Provider, String)> = Vec::new();
    for (tenant, entry) in &raw.tenants {
        if tenant.is_empty() || tenant.contains('/') {
            faults.push(format!("tenant `{tenant}`: an id is not empty and has no `/`"));
        }
        for (cloud, accounts) in &entry.accounts {
            let Some(provider) = Provider::from_name(cloud) else {
                let known = Provider::ALL.map(Provider::as_str);
                faults.push(format!("tenant `{tenant}`: {}", yaml::unknown(cloud, &known)));
                continue;
            };
            for account in accounts {
                match account_id(account) {
                    Ok(id) => claims.push((tenant, provider, id)),
                    Err(fault) => faults.push(format!("tenant `{tenant}`: {fault}")),
                }
            }
        }
    }
    for tenant in raw.names.keys().filter(|tenant| !raw.tenants.contains_key(*tenant)) {
        faults.push(format!("names: there is no tenant `{tenant}`"));
    }
    let borrowed = claims.iter().map(|(tenant, provider, id)| (*tenant, *provider, &**id));
    match Registry::of_accounts(borrowed, raw.unmapped.into()) {
        Ok(registry) if faults.is_empty() => {
            let names: BTreeMap<Box<str>, Box<str>> =
                raw.names.iter().map(|(id, name)| ((**id).into(), (**name).into())).collect();
            Ok(registry.with_names(names))
        }
        Ok(_) => Err(faults),
        Err(claimed) => {
            faults.extend(claimed.iter().map(ToString::to_string));
            Err(faults)
        }
    }
}

fn account_id(account: &Account) -> Result<String, String> {
    match account {
        Account::Text(text) if text.is_empty() => Err("an account is not empty".to_owned()),
        Account::Text(text) => Ok(text.clone()),
        Account::Number(number) => Ok(number.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Resolution;

    fn read(text: &str) -> Result<Registry, String> {
        let raw: RawRegistry = yaml::read("t", text).map_err(|error| error.to_string())?;
        registry(&raw).map_err(|faults| faults.join("\n"))
    }

    #[test]
    fn a_registry_names_tenants_by_their_accounts() {
        let registry = read(
            "tenants:\n  acme: {accounts: {aws: [012345678901, 111122223333], huawei: [d1]}}\n\
             unmapped: own_tenant\nnames: {acme: ACME}\n",
        )
        .expect("it holds");
        for (provider, account, tenant) in [
            (Provider::Aws, "012345678901", "acme"),
            (Provider::Aws, "111122223333", "acme"),
            (Provider::Huawei, "d1", "acme"),
            (Provider::Huawei, "d2", "d2"),
        ] {
            let found = registry.resolve(provider, account, None);
            assert_eq!(found, Resolution::Tenant(tenant.into()), "{account}");
        }
        assert_eq!(registry.name("acme"), "ACME");
    }

    #[test]
    fn faults_are_told_together_and_name_the_culprit() {
        for (text, expected) in [
            ("tenants: {a: {accounts: {aswz: [x]}}}", "unknown key `aswz`; did you mean `aws`?"),
            ("tenants: {a: {accounts: {aws: ['']}}}", "tenant `a`: an account is not empty"),
            (
                "tenants: {a: {accounts: {aws: ['1']}}, b: {accounts: {aws: ['1']}}}",
                "account `1` of aws is claimed by `a` and by `b`",
            ),
            ("names: {a: A}", "there is no tenant `a`"),
            ("unmaped: quarantine", "t:1:1: unknown key `unmaped`; did you mean `unmapped`?"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
