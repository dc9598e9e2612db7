//! Service discovery (XEP-0030) with extensions (XEP-0128).
//!
//! ```
//! use takeover_protocols::disco::{Identity, Info};
//! use takeover_protocols::ns;
//! let info = Info::new([Identity::new("server", "im", "takeover")], [ns::PING, ns::DISCO_INFO]);
//! assert!(info.to_element().to_string().contains("<feature var='urn:xmpp:ping'/>"));
//! ```

use std::collections::BTreeSet;

use crate::forms::Form;
use crate::jid::Jid;
use crate::ns;
use crate::xml::Element;

/// What an entity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Registered category, such as `server` or `conference`.
    pub category: String,
    /// Registered type within the category, such as `im` or `text`.
    pub kind: String,
    /// Name for people, empty for none.
    pub name: String,
}

impl Identity {
    /// An identity.
    #[must_use]
    pub fn new(category: &str, kind: &str, name: &str) -> Self {
        Self {
            category: category.into(),
            kind: kind.into(),
            name: name.into(),
        }
    }
}

/// The answer to a `disco#info` query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The node that was asked about, if any; it is repeated in the answer.
    pub node: Option<String>,
    /// What the entity is; at least one, except of an empty node.
    pub identities: Vec<Identity>,
    /// What works, each once, in alphabetical order.
    pub features: BTreeSet<String>,
    /// More about it (XEP-0128).
    pub forms: Vec<Form>,
}

impl Info {
    /// An answer without node and forms.
    pub fn new<F: Into<String>>(
        identities: impl IntoIterator<Item = Identity>,
        features: impl IntoIterator<Item = F>,
    ) -> Self {
        Self {
            node: None,
            identities: identities.into_iter().collect(),
            features: features.into_iter().map(Into::into).collect(),
            forms: Vec::new(),
        }
    }

    /// This answer about a node.
    #[must_use]
    pub fn with_node(mut self, node: Option<&str>) -> Self {
        self.node = node.map(str::to_owned);
        self
    }

    /// This answer with one more form (XEP-0128).
    #[must_use]
    pub fn with_form(mut self, form: Form) -> Self {
        self.forms.push(form);
        self
    }

    /// The element `<query/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let identity = |identity: &Identity| {
            let name = (!identity.name.is_empty()).then_some(identity.name.as_str());
            Element::new("identity", ns::DISCO_INFO)
                .with_attr("category", identity.category.as_str())
                .with_attr("type", identity.kind.as_str())
                .with_attr_opt("name", name)
        };
        let feature = |feature: &String| {
            Element::new("feature", ns::DISCO_INFO).with_attr("var", feature.as_str())
        };
        Element::new("query", ns::DISCO_INFO)
            .with_attr_opt("node", self.node.as_deref())
            .with_children(self.identities.iter().map(identity))
            .with_children(self.features.iter().map(feature))
            .with_children(self.forms.iter().map(Form::to_element))
    }

    /// Reads an answer; `None` if it is another element.
    #[must_use]
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("query", ns::DISCO_INFO) {
            return None;
        }
        let named = |name: &'static str| {
            element
                .children()
                .filter(move |child| child.is(name, ns::DISCO_INFO))
        };
        let attr = |child: &Element, name: &str| child.attr(name).unwrap_or_default().to_owned();
        Some(Self {
            node: element.attr("node").map(str::to_owned),
            identities: named("identity")
                .map(|child| Identity {
                    category: attr(child, "category"),
                    kind: attr(child, "type"),
                    name: attr(child, "name"),
                })
                .collect(),
            features: named("feature").map(|child| attr(child, "var")).collect(),
            forms: element.children().filter_map(Form::from_element).collect(),
        })
    }
}

/// One line of the answer to a `disco#items` query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Address of the item.
    pub jid: Jid,
    /// Node at that address, if any.
    pub node: Option<String>,
    /// Name for people, if any.
    pub name: Option<String>,
}

impl Item {
    /// An item without node; an empty name is none.
    #[must_use]
    pub fn new(jid: impl Into<Jid>, name: &str) -> Self {
        let name = (!name.is_empty()).then(|| name.to_owned());
        Self {
            jid: jid.into(),
            node: None,
            name,
        }
    }
}

/// The answer to a `disco#items` query about `node`.
#[must_use]
pub fn items(node: Option<&str>, items: impl IntoIterator<Item = Item>) -> Element {
    let item = |item: Item| {
        Element::new("item", ns::DISCO_ITEMS)
            .with_attr("jid", item.jid.as_str())
            .with_attr_opt("node", item.node)
            .with_attr_opt("name", item.name)
    };
    Element::new("query", ns::DISCO_ITEMS)
        .with_attr_opt("node", node)
        .with_children(items.into_iter().map(item))
}

/// Reads the answer to a `disco#items` query; items without a valid address are left out.
#[must_use]
pub fn items_of(query: &Element) -> Vec<Item> {
    query
        .children()
        .filter(|child| child.is("item", ns::DISCO_ITEMS))
        .filter_map(|child| {
            Some(Item {
                jid: crate::jid::parse(child.attr("jid")?).ok()?,
                node: child.attr("node").map(str::to_owned),
                name: child.attr("name").map(str::to_owned),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::{Field, FormKind};
    use crate::jid;

    /// XEP-0030, section 3.1, and XEP-0128, section 2: written and read back.
    #[test]
    fn info_is_read_back() {
        let form = Form::new(FormKind::Result, "http://jabber.org/network/serverinfo")
            .with_field(Field::text("c2s_port", "", "5222"));
        let info = Info::new([Identity::new("gateway", "sip", "")], ["b", "a", "b"])
            .with_node(Some("n"))
            .with_form(form);
        let element = info.to_element();
        assert_eq!(Info::from_element(&element), Some(info));
        let vars: Vec<&str> = element
            .children()
            .filter_map(|child| child.attr("var"))
            .collect();
        assert_eq!(vars, ["a", "b"]);
        assert_eq!(
            Info::from_element(&Element::new("query", ns::DISCO_ITEMS)),
            None
        );
    }

    /// XEP-0030, section 4.1.
    #[test]
    fn items_are_read_back() {
        let room = jid::parse("heath@macbeth.shakespeare.lit").unwrap();
        let lines = vec![
            Item::new(room.clone(), "A Lonely Heath"),
            Item {
                node: Some("music".into()),
                ..Item::new(room, "")
            },
        ];
        assert_eq!(items_of(&items(Some("x"), lines.clone())), lines);
        assert_eq!(items(None, lines).attr("node"), None);
    }
}
