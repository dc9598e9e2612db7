//! Data forms (XEP-0004) with the `FORM_TYPE` convention (XEP-0068).
//!
//! ```
//! use takeover_protocols::forms::{Field, Form, FormKind};
//! let form = Form::new(FormKind::Form, "urn:example:colours")
//!     .with_field(Field::boolean("bright", "Bright ones?", true));
//! let read = Form::from_element(&form.to_element()).unwrap();
//! assert_eq!(read.form_type(), Some("urn:example:colours"));
//! assert_eq!(read.field("bright").and_then(Field::as_bool), Some(true));
//! ```

use crate::ns;
use crate::xml::Element;

/// What a form is (XEP-0004, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// To be filled in.
    Form,
    /// Filled in.
    Submit,
    /// Thrown away.
    Cancel,
    /// Data that nobody fills in.
    Result,
}

impl FormKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Form, Self::Submit, Self::Cancel, Self::Result];

    /// The value of the attribute `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Submit => "submit",
            Self::Cancel => "cancel",
            Self::Result => "result",
        }
    }
}

/// How a field is shown and what it may hold (XEP-0004, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `0`, `1`, `false` or `true`.
    Boolean,
    /// Words for people, no input.
    Fixed,
    /// Not shown.
    Hidden,
    /// Addresses, each once.
    JidMulti,
    /// One address.
    JidSingle,
    /// Some of the options.
    ListMulti,
    /// One of the options.
    ListSingle,
    /// Lines of text.
    TextMulti,
    /// One line of text, hidden while it is typed.
    TextPrivate,
    /// One line of text; the default.
    TextSingle,
}

impl FieldKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Boolean,
        Self::Fixed,
        Self::Hidden,
        Self::JidMulti,
        Self::JidSingle,
        Self::ListMulti,
        Self::ListSingle,
        Self::TextMulti,
        Self::TextPrivate,
        Self::TextSingle,
    ];

    /// The value of the attribute `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Fixed => "fixed",
            Self::Hidden => "hidden",
            Self::JidMulti => "jid-multi",
            Self::JidSingle => "jid-single",
            Self::ListMulti => "list-multi",
            Self::ListSingle => "list-single",
            Self::TextMulti => "text-multi",
            Self::TextPrivate => "text-private",
            Self::TextSingle => "text-single",
        }
    }
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name; `None` only for [`FieldKind::Fixed`].
    pub var: Option<String>,
    /// Type; submitted fields often leave it out.
    pub kind: Option<FieldKind>,
    /// Words for people.
    pub label: Option<String>,
    /// Whether it must be filled in.
    pub required: bool,
    /// Value or values.
    pub values: Vec<String>,
    /// Choices of a list: label and value.
    pub options: Vec<(String, String)>,
}

impl Field {
    /// A field with its values.
    pub fn new<V: Into<String>>(
        kind: FieldKind,
        var: &str,
        label: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            var: Some(var.to_owned()),
            kind: Some(kind),
            label: (!label.is_empty()).then(|| label.to_owned()),
            required: false,
            values: values.into_iter().map(Into::into).collect(),
            options: Vec::new(),
        }
    }

    /// A line of text.
    #[must_use]
    pub fn text(var: &str, label: &str, value: &str) -> Self {
        Self::new(
            FieldKind::TextSingle,
            var,
            label,
            (!value.is_empty()).then_some(value),
        )
    }

    /// A yes or no.
    #[must_use]
    pub fn boolean(var: &str, label: &str, value: bool) -> Self {
        Self::new(
            FieldKind::Boolean,
            var,
            label,
            [if value { "1" } else { "0" }],
        )
    }

    /// One of some choices (label and value).
    #[must_use]
    pub fn choice(var: &str, label: &str, value: &str, options: &[(&str, &str)]) -> Self {
        let own = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
        Self {
            options: options.iter().map(own).collect(),
            ..Self::new(FieldKind::ListSingle, var, label, [value])
        }
    }

    /// A hidden field.
    #[must_use]
    pub fn hidden(var: &str, value: &str) -> Self {
        Self::new(FieldKind::Hidden, var, "", [value])
    }

    /// This field, to be filled in by all means.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The first value.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }

    /// The value as a yes or no (`1`, `true`, `0`, `false`); `None` for anything else.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.value()?.trim() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        }
    }

    fn to_element(&self, kind: FormKind) -> Element {
        let text =
            |name: &'static str, text: &str| Element::new(name, ns::DATA_FORMS).with_text(text);
        let shown = kind == FormKind::Form;
        let mut element = Element::new("field", ns::DATA_FORMS)
            .with_attr_opt("var", self.var.as_deref())
            .with_attr_opt("type", self.kind.map(FieldKind::as_str))
            .with_attr_opt("label", self.label.as_deref());
        if shown && self.required {
            element.push(Element::new("required", ns::DATA_FORMS));
        }
        for value in &self.values {
            element.push(text("value", value));
        }
        for (label, value) in self.options.iter().filter(|_| shown) {
            let option = Element::new("option", ns::DATA_FORMS).with_attr("label", label.as_str());
            element.push(option.with_child(text("value", value)));
        }
        element
    }

    fn from_element(element: &Element) -> Self {
        let all = |element: &Element, name: &str| -> Vec<String> {
            element
                .children()
                .filter(|child| child.is(name, ns::DATA_FORMS))
                .map(|child| child.text().into_owned())
                .collect()
        };
        let kind = element.attr("type");
        let options = element
            .children()
            .filter(|child| child.is("option", ns::DATA_FORMS));
        Self {
            var: element.attr("var").map(str::to_owned),
            kind: kind.and_then(|kind| FieldKind::ALL.into_iter().find(|k| k.as_str() == kind)),
            label: element.attr("label").map(str::to_owned),
            required: element.child("required", ns::DATA_FORMS).is_some(),
            values: all(element, "value"),
            options: options
                .map(|option| {
                    let label = option.attr("label").unwrap_or_default().to_owned();
                    (
                        label,
                        all(option, "value").into_iter().next().unwrap_or_default(),
                    )
                })
                .collect(),
        }
    }
}

/// A data form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What it is.
    pub kind: FormKind,
    /// Its title, empty for none.
    pub title: String,
    /// What to do with it, empty for nothing.
    pub instructions: String,
    /// Its fields in order, `FORM_TYPE` among them.
    pub fields: Vec<Field>,
}

impl Form {
    /// A form of a registered type, which its `FORM_TYPE` names (XEP-0068).
    #[must_use]
    pub fn new(kind: FormKind, form_type: &str) -> Self {
        let fields = vec![Field::hidden("FORM_TYPE", form_type)];
        Self {
            kind,
            title: String::new(),
            instructions: String::new(),
            fields,
        }
    }

    /// This form with a field appended.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The first field of that name.
    #[must_use]
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.var.as_deref() == Some(var))
    }

    /// The first value of the field of that name.
    #[must_use]
    pub fn value(&self, var: &str) -> Option<&str> {
        self.field(var)?.value()
    }

    /// The registered type of the form (XEP-0068).
    #[must_use]
    pub fn form_type(&self) -> Option<&str> {
        self.value("FORM_TYPE")
    }

    /// The element `<x/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let line = |name: &'static str, text: &str| {
            (!text.is_empty()).then(|| Element::new(name, ns::DATA_FORMS).with_text(text))
        };
        Element::new("x", ns::DATA_FORMS)
            .with_attr("type", self.kind.as_str())
            .with_children(line("title", &self.title))
            .with_children(line("instructions", &self.instructions))
            .with_children(self.fields.iter().map(|field| field.to_element(self.kind)))
    }

    /// Reads an element `<x/>`; `None` if it is another element or of no known type.
    #[must_use]
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("x", ns::DATA_FORMS) {
            return None;
        }
        let kind = element.attr("type")?;
        let text = |name| {
            let child = element.child(name, ns::DATA_FORMS);
            child
                .map(|child| child.text().into_owned())
                .unwrap_or_default()
        };
        Some(Self {
            kind: FormKind::ALL
                .into_iter()
                .find(|known| known.as_str() == kind)?,
            title: text("title"),
            instructions: text("instructions"),
            fields: element
                .children()
                .filter(|child| child.is("field", ns::DATA_FORMS))
                .map(Field::from_element)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind_of_field() -> Form {
        let mut form = Form::new(FormKind::Form, "jabber:bot");
        form.title = "Bot Configuration".into();
        form.instructions = "Fill out this form".into();
        for kind in FieldKind::ALL {
            form.fields.push(Field::new(
                kind,
                kind.as_str(),
                "a <label>",
                ["one", "two & three"],
            ));
        }
        form.with_field(Field::choice(
            "n",
            "Number",
            "10",
            &[("Ten", "10"), ("None", "none")],
        ))
        .with_field(Field::text("name", "Name", "x").required())
    }

    /// XEP-0004, section 3: what is written is read back.
    #[test]
    fn written_and_read_back() {
        let form = every_kind_of_field();
        let read = Form::from_element(&Element::parse(form.to_element().to_bytes()).unwrap());
        assert_eq!(read, Some(form));
    }

    /// XEP-0004, section 3.1: options and requirements are for forms that are filled in.
    #[test]
    fn a_submitted_form_has_no_options() {
        let form = Form {
            kind: FormKind::Submit,
            ..every_kind_of_field()
        };
        let read = Form::from_element(&form.to_element()).unwrap();
        assert!(
            read.fields
                .iter()
                .all(|field| field.options.is_empty() && !field.required)
        );
        assert_eq!(read.value("n"), Some("10"));
    }

    /// XEP-0004, section 3.3: the four ways to write a boolean.
    #[test]
    fn booleans() {
        for (text, value) in [
            ("1", Some(true)),
            ("true", Some(true)),
            ("0", Some(false)),
            ("false", Some(false)),
        ] {
            assert_eq!(Field::text("b", "", text).as_bool(), value);
        }
        assert_eq!(Field::text("b", "", "yes").as_bool(), None);
        assert_eq!(Field::text("b", "", "").as_bool(), None);
    }

    #[test]
    fn other_elements_are_no_forms() {
        assert_eq!(Form::from_element(&Element::new("x", "jabber:x:oob")), None);
        let unknown = Element::new("x", ns::DATA_FORMS).with_attr("type", "poem");
        assert_eq!(Form::from_element(&unknown), None);
    }
}
