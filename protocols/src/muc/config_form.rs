//! The configuration as a form (XEP-0045, sections 10.1.3 and 15.5.3).

use super::config::{AllowPm, RoomConfig, Whois};
use super::privilege::Affiliation;
use super::record::RoomRecord;
use crate::forms::{Field, FieldKind, Form, FormKind};
use crate::jid::{self, BareJid};
use crate::stanza::{Condition, StanzaError};

/// `FORM_TYPE` of the configuration form.
pub(super) const ROOM_CONFIG: &str = "http://jabber.org/protocol/muc#roomconfig";
/// Limits on occupants that the form offers besides none.
const MAX_USERS: [u32; 7] = [10, 20, 30, 50, 100, 200, 1_000];
/// The longest history that a room shows to who enters, in messages, whatever its owner and who enters ask for. What
/// is older is in its archive (XEP-0313).
pub const MAX_HISTORY: u32 = 1_000;

/// A submitted form, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submitted {
    pub(super) config: RoomConfig,
    /// The whole new list, if the form had it.
    pub(super) admins: Option<Vec<BareJid>>,
    /// The whole new list, if the form had it.
    pub(super) owners: Option<Vec<BareJid>>,
}

/// The name of a field; one of them has another prefix in the registry (XEP-0045, section 15.5.3).
fn var(name: &str) -> String {
    match name {
        "maxhistoryfetch" => format!("muc#{name}"),
        _ => format!("muc#roomconfig_{name}"),
    }
}

/// The form that shows a room's configuration.
pub(super) fn form(record: &RoomRecord) -> Form {
    let room = record
        .jid
        .node()
        .map(|node| node.as_str().to_owned())
        .unwrap_or_default();
    let mut form = Form::new(FormKind::Form, ROOM_CONFIG);
    form.title = format!("Configuration of room {room}");
    form.instructions = "Fields that are left out stay as they are.".into();
    form.fields.extend(about(&record.config));
    form.fields.extend(doors(&record.config));
    form.fields.extend(discussion(&record.config));
    form.fields
        .push(people(record, "roomadmins", "Admins", Affiliation::Admin));
    form.fields
        .push(people(record, "roomowners", "Owners", Affiliation::Owner));
    form
}

fn text(name: &str, label: &str, value: &str) -> Field {
    Field::text(&var(name), label, value)
}

fn flag(name: &str, label: &str, value: bool) -> Field {
    Field::boolean(&var(name), label, value)
}

/// What the room is.
fn about(config: &RoomConfig) -> [Field; 5] {
    [
        text("roomname", "Name", &config.name),
        text("roomdesc", "Description", &config.description),
        text("lang", "Language of the discussions", &config.lang),
        flag(
            "persistentroom",
            "Keep the room when everybody has left",
            config.persistent,
        ),
        flag("publicroom", "List the room", config.public),
    ]
}

/// Who may enter.
fn doors(config: &RoomConfig) -> [Field; 6] {
    let secret = config.password.as_deref();
    [
        flag("membersonly", "Members only", config.members_only),
        flag(
            "passwordprotectedroom",
            "A password is needed to enter",
            secret.is_some(),
        ),
        Field::new(
            FieldKind::TextPrivate,
            &var("roomsecret"),
            "Password",
            secret,
        ),
        max_users(config.max_users),
        flag("allowinvites", "Occupants may invite", config.allow_invites),
        flag(
            "allowregister",
            "Users may register as members",
            config.allow_registration,
        ),
    ]
}

/// What goes on inside.
fn discussion(config: &RoomConfig) -> [Field; 7] {
    let history = config.history_length.to_string();
    [
        flag(
            "moderatedroom",
            "Moderated: only those with voice may speak",
            config.moderated,
        ),
        flag(
            "allowvoicerequests",
            "Visitors may ask for voice",
            config.allow_voice_requests,
        ),
        whois(config.whois),
        flag(
            "changesubject",
            "Participants may change the subject",
            config.change_subject,
        ),
        allow_pm(config.allow_pm),
        text(
            "maxhistoryfetch",
            "Messages of history for who enters",
            &history,
        ),
        flag(
            "enablelogging",
            "Discussions are logged to a public archive",
            config.logging,
        ),
    ]
}

fn max_users(value: Option<u32>) -> Field {
    let shown = |value: Option<u32>| value.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let mut field = Field::choice(&var("maxusers"), "Most occupants", &shown(value), &[]);
    let mut offered: Vec<Option<u32>> = MAX_USERS.into_iter().map(Some).collect();
    if value.is_some() && !offered.contains(&value) {
        offered.push(value);
    }
    offered.push(None);
    field.options = offered.into_iter().map(|n| (shown(n), shown(n))).collect();
    field
}

fn whois(value: Whois) -> Field {
    let options = [("Moderators only", "moderators"), ("Anyone", "anyone")];
    Field::choice(
        &var("whois"),
        "Who may discover real addresses",
        value.as_str(),
        &options,
    )
}

fn allow_pm(value: AllowPm) -> Field {
    let options = [
        ("Anyone", "anyone"),
        ("Those with voice", "participants"),
        ("Moderators", "moderators"),
        ("Nobody", "none"),
    ];
    Field::choice(
        &var("allowpm"),
        "Who may send private messages",
        value.as_str(),
        &options,
    )
}

fn people(record: &RoomRecord, name: &str, label: &str, affiliation: Affiliation) -> Field {
    let listed = record
        .affiliations
        .iter()
        .filter(|(_, e)| e.affiliation == affiliation);
    Field::new(
        FieldKind::JidMulti,
        &var(name),
        label,
        listed.map(|(user, _)| user.as_str()),
    )
}

/// Reads a submitted form over the configuration in force: fields that are not in it stay as they
/// are, unknown ones are ignored. An empty form accepts everything.
pub(super) fn read(form: &Form, now: &RoomConfig) -> Result<Submitted, StanzaError> {
    if form.form_type().is_some_and(|kind| kind != ROOM_CONFIG) {
        return Err(StanzaError::new(Condition::BadRequest).with_text("another kind of form"));
    }
    let mut config = now.clone();
    let fields = Fields(form);
    fields.text("roomname", &mut config.name);
    fields.text("roomdesc", &mut config.description);
    fields.text("lang", &mut config.lang);
    fields.flag("persistentroom", &mut config.persistent)?;
    fields.flag("publicroom", &mut config.public)?;
    fields.flag("membersonly", &mut config.members_only)?;
    fields.flag("moderatedroom", &mut config.moderated)?;
    fields.flag("changesubject", &mut config.change_subject)?;
    fields.flag("allowinvites", &mut config.allow_invites)?;
    fields.flag("allowregister", &mut config.allow_registration)?;
    fields.flag("allowvoicerequests", &mut config.allow_voice_requests)?;
    fields.flag("enablelogging", &mut config.logging)?;
    config.password = fields.password(now.password.as_deref())?;
    config.max_users = fields.max_users(config.max_users)?;
    fields.history(&mut config.history_length)?;
    if let Some(name) = fields.value("whois") {
        let known = Whois::ALL.into_iter().find(|whois| whois.as_str() == name);
        config.whois = known.ok_or_else(|| unacceptable("whois", name, "moderators, anyone"))?;
    }
    if let Some(name) = fields.value("allowpm") {
        let known = AllowPm::ALL
            .into_iter()
            .find(|allow| allow.as_str() == name);
        let allowed = "anyone, participants, moderators, none";
        config.allow_pm = known.ok_or_else(|| unacceptable("allowpm", name, allowed))?;
    }
    let (admins, owners) = (fields.people("roomadmins")?, fields.people("roomowners")?);
    Ok(Submitted {
        config,
        admins,
        owners,
    })
}

struct Fields<'f>(&'f Form);

impl Fields<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.value(&var(name)).map(str::trim)
    }

    fn text(&self, name: &str, into: &mut String) {
        if let Some(field) = self.0.field(&var(name)) {
            *into = field.value().unwrap_or_default().trim().to_owned();
        }
    }

    fn flag(&self, name: &str, into: &mut bool) -> Result<(), StanzaError> {
        let Some(field) = self.0.field(&var(name)) else {
            return Ok(());
        };
        let Some(value) = field.value() else {
            return Ok(());
        };
        *into = field
            .as_bool()
            .ok_or_else(|| unacceptable(name, value, "0, 1, false, true"))?;
        Ok(())
    }

    /// XEP-0045, section 10.1.3: a room that asks for a password needs one.
    fn password(&self, now: Option<&str>) -> Result<Option<String>, StanzaError> {
        let mut protected = now.is_some();
        self.flag("passwordprotectedroom", &mut protected)?;
        let given = self
            .0
            .value(&var("roomsecret"))
            .or(now)
            .filter(|secret| !secret.is_empty());
        match (protected, given) {
            (false, _) => Ok(None),
            (true, Some(secret)) => Ok(Some(secret.to_owned())),
            (true, None) => Err(unacceptable(
                "roomsecret",
                "",
                "a password that is not empty",
            )),
        }
    }

    fn max_users(&self, now: Option<u32>) -> Result<Option<u32>, StanzaError> {
        match self.value("maxusers") {
            None => Ok(now),
            Some("" | "none" | "0") => Ok(None),
            Some(text) => match text.parse() {
                Ok(most) => Ok(Some(most)),
                Err(_) => Err(unacceptable("maxusers", text, "a number or none")),
            },
        }
    }

    fn history(&self, into: &mut u32) -> Result<(), StanzaError> {
        let Some(text) = self.value("maxhistoryfetch") else {
            return Ok(());
        };
        let number = text.parse().ok().filter(|number| *number <= MAX_HISTORY);
        *into = number.ok_or_else(|| unacceptable("maxhistoryfetch", text, "0 to 1000"))?;
        Ok(())
    }

    fn people(&self, name: &str) -> Result<Option<Vec<BareJid>>, StanzaError> {
        let Some(field) = self.0.field(&var(name)) else {
            return Ok(None);
        };
        let lines = field
            .values
            .iter()
            .map(|line| line.trim())
            .filter(|line| !line.is_empty());
        let people = lines.map(|line| match jid::parse(line) {
            Ok(jid) => Ok(jid.to_bare()),
            Err(_) => Err(unacceptable(name, line, "addresses")),
        });
        people.collect::<Result<Vec<_>, _>>().map(Some)
    }
}

fn unacceptable(field: &str, value: &str, allowed: &str) -> StanzaError {
    let value: String = value.chars().take(64).collect();
    StanzaError::new(Condition::NotAcceptable).with_text(format!(
        "{}={value:?} is not acceptable; allowed: {allowed}",
        var(field)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datetime::Timestamp;

    fn record() -> RoomRecord {
        let jid = BareJid::new("darkcave@macbeth.shakespeare.lit").unwrap();
        let owner = BareJid::new("crone1@shakespeare.lit").unwrap();
        RoomRecord::new(jid, owner, RoomConfig::default(), Timestamp::default())
    }

    fn submit(fields: &[(&str, &str)]) -> Result<Submitted, StanzaError> {
        let mut form = Form::new(FormKind::Submit, ROOM_CONFIG);
        for (name, value) in fields {
            form.fields.push(Field::text(&var(name), "", value));
        }
        read(&form, &RoomConfig::default())
    }

    /// XEP-0045, section 10.2: the form shows what is in force; sent back as it is, nothing changes.
    #[test]
    fn the_form_sent_back_changes_nothing() {
        let mut record = record();
        record.config = RoomConfig {
            name: "A Dark Cave".into(),
            description: "The place for all good witches!".into(),
            lang: "en".into(),
            persistent: true,
            public: false,
            members_only: true,
            moderated: true,
            password: Some("cauldronburn".into()),
            max_users: Some(77),
            whois: Whois::Anyone,
            change_subject: true,
            history_length: 5,
            allow_invites: false,
            allow_pm: AllowPm::Moderators,
            allow_registration: false,
            allow_voice_requests: false,
            logging: true,
        };
        let shown = form(&record);
        let back = Form {
            kind: FormKind::Submit,
            ..shown
        };
        let got = read(&back, &RoomConfig::default()).unwrap();
        assert_eq!(got.config, record.config);
        assert_eq!(got.owners.unwrap().len(), 1);
        assert_eq!(got.admins, Some(Vec::new()));
    }

    /// XEP-0045, section 10.1.2: an empty form accepts the defaults.
    #[test]
    fn an_empty_form_changes_nothing() {
        let form = Form {
            fields: Vec::new(),
            ..Form::new(FormKind::Submit, "")
        };
        let got = read(&form, &RoomConfig::default()).unwrap();
        assert_eq!(
            (got.config, got.admins, got.owners),
            (RoomConfig::default(), None, None)
        );
    }

    /// XEP-0045, section 10.1.3: what cannot be is `not-acceptable`, and the text says what can.
    #[test]
    fn unacceptable_values() {
        for (name, value) in [
            ("membersonly", "maybe"),
            ("maxusers", "many"),
            ("whois", "cats"),
            ("allowpm", "cats"),
            ("maxhistoryfetch", "1001"),
            ("roomowners", "@"),
            ("passwordprotectedroom", "1"),
        ] {
            let error = submit(&[(name, value)]).unwrap_err();
            assert_eq!(error.condition, Condition::NotAcceptable, "{name}");
            assert!(error.text.unwrap().contains("allowed: "));
        }
        let other = Form::new(FormKind::Submit, "urn:other");
        let error = read(&other, &RoomConfig::default()).unwrap_err();
        assert_eq!(error.condition, Condition::BadRequest);
    }

    #[test]
    fn passwords_come_and_go() {
        let with = submit(&[("passwordprotectedroom", "1"), ("roomsecret", "s")]).unwrap();
        assert_eq!(with.config.password.as_deref(), Some("s"));
        let unused = submit(&[("passwordprotectedroom", "0"), ("roomsecret", "s")]).unwrap();
        assert_eq!(unused.config.password, None);
        let mut off = Form::new(FormKind::Submit, ROOM_CONFIG);
        off.fields
            .push(Field::text(&var("passwordprotectedroom"), "", "false"));
        assert_eq!(read(&off, &with.config).unwrap().config.password, None);
    }
}
