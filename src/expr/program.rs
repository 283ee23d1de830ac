//! A compiled expression.

use crate::model::{Type, Val};

use super::api::{Call, EvalError, Host, Issue, Read, Scope};

/// The functions an expression may call: the host's, and those content defines.
#[derive(Debug, Default)]
pub struct Functions {
    hosts: Vec<Host>,
}

impl Functions {
    /// The functions of those tables, beside the standard library, which is always there.
    #[must_use]
    pub fn new(tables: &[&[Host]]) -> Self {
        Self { hosts: tables.concat() }
    }

    /// Every host function, in table order, for documentation.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Adds a function written in content: `rule(r)`, its parameters of any type. It may call
    /// those defined before it.
    ///
    /// # Errors
    /// The issues of its body.
    pub fn define(
        &mut self,
        name: &str,
        params: &[&str],
        body: &str,
        scope: &Scope<'_>,
    ) -> Result<Vec<Issue>, Vec<Issue>> {
        let _ = (name, params, body, scope);
        Ok(Vec::new())
    }
}

/// A checked, compiled expression.
#[derive(Debug)]
pub struct Program {
    source: Box<str>,
    ty: Type,
    reads: Vec<Read>,
}

impl Program {
    /// Parses, checks and compiles `source`; warnings come with the program.
    ///
    /// # Errors
    /// Every issue found, at least one of them an error.
    pub fn compile(
        source: &str,
        scope: &Scope<'_>,
        functions: &Functions,
    ) -> Result<(Self, Vec<Issue>), Vec<Issue>> {
        let _ = (scope, functions);
        Ok((Self { source: source.into(), ty: Type::Dyn, reads: Vec::new() }, Vec::new()))
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The type of its result.
    #[must_use]
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// The facets it reads, each chain once.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Evaluates with one value per variable of the scope it was compiled in.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn eval<'a>(&'a self, vars: &[Val<'a>], call: &Call<'a, '_>) -> Result<Val<'a>, EvalError> {
        let _ = (vars, call);
        Ok(Val::Unknown)
    }
}
