//! Which prefix means which namespace, at the current depth.

use std::borrow::Cow;

use super::XmlError;
use super::element::known_ns;
use crate::ns;

/// A namespace declaration that is in force around an element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The prefix; empty for the default namespace.
    pub prefix: Cow<'static, str>,
    /// The namespace name; empty only for "no default namespace".
    pub uri: Cow<'static, str>,
}

impl Binding {
    /// A binding of `prefix` (empty: the default namespace) to `uri`.
    pub fn new(prefix: impl Into<Cow<'static, str>>, uri: impl Into<Cow<'static, str>>) -> Self {
        Self {
            prefix: prefix.into(),
            uri: uri.into(),
        }
    }

    /// What somebody has declared. Nothing of a usual declaration is copied.
    pub(crate) fn declared(prefix: &str, uri: &str) -> Self {
        let prefix = match prefix {
            "" => Cow::Borrowed(""),
            "stream" => Cow::Borrowed("stream"),
            _ => Cow::Owned(prefix.to_owned()),
        };
        Self::new(prefix, known_ns(uri))
    }
}

/// Where a prefix was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Built in (`xml`), or no namespace at all.
    BuiltIn,
    /// Inherited: index into the base bindings.
    Base(usize),
    /// Declared by an element that is still open, at this depth.
    Local(usize),
}

/// The declarations in force: inherited ones, then those of the open elements.
#[derive(Debug)]
pub(crate) struct Scope<'t> {
    base: &'t [Binding],
    local: Vec<(usize, &'t str, Cow<'t, str>)>,
}

impl<'t> Scope<'t> {
    pub(crate) fn new(base: &'t [Binding]) -> Self {
        Self {
            base,
            local: Vec::new(),
        }
    }

    /// Adds a declaration of the element at `depth`.
    pub(crate) fn declare(
        &mut self,
        depth: usize,
        prefix: &'t str,
        uri: Cow<'t, str>,
    ) -> Result<(), XmlError> {
        let legal = match prefix {
            "xmlns" => false,
            "xml" => uri == ns::XML,
            "" => uri != ns::XML && uri != ns::XMLNS,
            _ => !uri.is_empty() && uri != ns::XML && uri != ns::XMLNS,
        };
        if !legal {
            return Err(XmlError::BadBinding {
                prefix: prefix.into(),
                uri: uri.into(),
            });
        }
        self.local.push((depth, prefix, uri));
        Ok(())
    }

    /// Forgets the declarations of the element at `depth`.
    pub(crate) fn leave(&mut self, depth: usize) {
        while self
            .local
            .last()
            .is_some_and(|(declared, ..)| *declared >= depth)
        {
            self.local.pop();
        }
    }

    /// The namespace that `prefix` (empty: the default) means here.
    pub(crate) fn resolve(&self, prefix: &str) -> Result<(&str, Found), XmlError> {
        for (depth, declared, uri) in self.local.iter().rev() {
            if same(declared, prefix) {
                return Ok((uri, Found::Local(*depth)));
            }
        }
        for (index, binding) in self.base.iter().enumerate().rev() {
            if same(&binding.prefix, prefix) {
                return Ok((&binding.uri, Found::Base(index)));
            }
        }
        match prefix {
            "" => Ok(("", Found::BuiltIn)),
            "xml" => Ok((ns::XML, Found::BuiltIn)),
            _ => Err(XmlError::UndeclaredPrefix {
                prefix: prefix.into(),
            }),
        }
    }

    /// How many declarations of open elements there are.
    pub(crate) fn declared(&self) -> usize {
        self.local.len()
    }

    /// The declarations made at `depth`, in document order.
    pub(crate) fn declared_at(&self, depth: usize) -> impl Iterator<Item = Binding> + '_ {
        self.local
            .iter()
            .filter(move |(declared, ..)| *declared == depth)
            .map(|(_, prefix, uri)| Binding::declared(prefix, uri))
    }
}

/// Equality of short names, without the call that comparing strings costs.
pub(super) fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).all(|(a, b)| a == b)
}
