//! Software version (XEP-0092).
//!
//! ```
//! use takeover_protocols::version::Version;
//! let version = Version::new("takeover", "0.1.0");
//! assert_eq!(Version::from_element(&version.to_element()), Some(version));
//! ```

use crate::ns;
use crate::xml::Element;

/// Which software an entity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Name of the software.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Operating system; `None` if that is nobody's business.
    pub os: Option<String>,
}

impl Version {
    /// A name and a version.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            os: None,
        }
    }

    /// The child of the answer to a `jabber:iq:version` request.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let text = |name: &'static str, text: &str| Element::new(name, ns::VERSION).with_text(text);
        Element::new("query", ns::VERSION)
            .with_child(text("name", &self.name))
            .with_child(text("version", &self.version))
            .with_children(self.os.as_ref().map(|os| text("os", os)))
    }

    /// Reads an answer; `None` if it is another element, or names no software.
    #[must_use]
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("query", ns::VERSION) {
            return None;
        }
        let text = |name| Some(element.child(name, ns::VERSION)?.text().trim().to_owned());
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            os: text("os"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0092, section 3, example 2.
    #[test]
    fn xep_0092_example() {
        let xml = "<query xmlns='jabber:iq:version'><name>Exodus</name>\
                   <version>0.7.0.4</version><os>Windows-XP 5.01.2600</os></query>";
        let version = Version::from_element(&Element::parse(xml).unwrap()).unwrap();
        assert_eq!(version.os.as_deref(), Some("Windows-XP 5.01.2600"));
        assert_eq!(version.to_element().to_string(), xml);
        assert_eq!(
            Version::from_element(&Element::new("query", ns::VERSION)),
            None
        );
        assert_eq!(
            Version::from_element(&Element::new("query", ns::ROSTER)),
            None
        );
    }
}
