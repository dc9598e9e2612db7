//! Elements and stanzas: what is refused, what is kept (RFC 6120, sections 8 and 11).

use takeover_protocols::stanza::{
    Condition, IqType, MessageType, RefusedReason, Stanza, StanzaError, StanzaKind,
};
use takeover_protocols::xml::{Element, Restricted, XmlError};
use takeover_protocols::{jid, ns};

fn refused(xml: &str) -> XmlError {
    match Element::parse(xml) {
        Ok(element) => panic!("{xml:?} was read as {element}"),
        Err(error) => error,
    }
}

/// XMPP-1, RFC 6120 section 11.1: restricted XML.
#[test]
fn restricted_xml_is_named() {
    for xml in ["<a><!-- c --></a>", "<!--c--><a/>", "<a/><!--c-->"] {
        assert_eq!(
            refused(xml),
            XmlError::Restricted(Restricted::Comment),
            "{xml}"
        );
    }
    for xml in [
        "<a><?p i?></a>",
        "<?p i?><a/>",
        "<a><?xml version='1.0'?></a>",
    ] {
        assert_eq!(
            refused(xml),
            XmlError::Restricted(Restricted::ProcessingInstruction),
            "{xml}"
        );
    }
    for xml in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
    ] {
        assert_eq!(refused(xml), XmlError::Restricted(Restricted::Dtd), "{xml}");
    }
    for xml in ["<a>&nbsp;</a>", "<a b='&nbsp;'/>"] {
        let entity = Restricted::EntityReference("nbsp".into());
        assert_eq!(refused(xml), XmlError::Restricted(entity), "{xml}");
    }
}

/// XMPP-1, RFC 6120 section 4.9.3.13: what no XML parser may let through.
#[test]
fn ill_formed_xml_is_refused() {
    for xml in [
        "",
        "a",
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='c\"/>",
        "<a ='c'/>",
        "<a b='<'/>",
        "<a b='&'/>",
        "<a b='1'c='2'/>",
        "<a>&</a>",
        "<a>&amp</a>",
        "<a>&;</a>",
        "<a>& b;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#xg;</a>",
        "<a>&#x110000;</a>",
        "<a>&#xd800;</a>",
        "<a>]]></a>",
        "< a/>",
        "<1a/>",
        "<-a/>",
        "<a><![CDATA[x</a>",
        "<a><![cdata[x]]></a>",
        "<a / >",
        "<a></a b='c'>",
        "<a></ a>",
        "<a/ >",
        "<a\"b\"/>",
        "<a <b/>>",
        "<a>\u{b}</a>",
        "<a b='\u{1}'/>",
        "<a>&#1;</a>",
        "<a>&#xFFFE;</a>",
        "<a>\u{ffff}</a>",
        "<a b='&#0;'/>",
        "<a,b/>",
        "<a b!='c'/>",
        "<![CDATA[x]]><a/>",
        "<a/>&amp;",
        "<a><></></a>",
        "<a></>",
        "<a b='c' 'd'/>",
        "<a>&#-1;</a>",
        "<a>&#+1;</a>",
        "<a b='&#+65;'/>",
        "<a>&#X41;</a>",
        "<\u{d7}/>",
        "<a><!x></a>",
        "<a><!></a>",
        "<a><!-></a>",
        "<a b='c' = 'd'/>",
        "<a b='c'/'>",
        "<a/b='c'>",
        "<a>&lt</a>",
        "<a b='&lt'/>",
    ] {
        let error = refused(xml);
        let restricted = matches!(error, XmlError::Restricted(_));
        assert!(!restricted, "{xml:?} was called restricted: {error}");
    }
}

/// RFC 6120, section 11.3: namespaces are part of being well-formed.
#[test]
fn namespaces_are_checked() {
    let undeclared = XmlError::UndeclaredPrefix { prefix: "p".into() };
    assert_eq!(refused("<p:a/>"), undeclared);
    assert_eq!(refused("<a p:b='c'/>"), undeclared);
    assert_eq!(refused("<a><b xmlns:p='x'/><p:c/></a>"), undeclared);
    for xml in [
        "<a xmlns:p=''/>",
        "<a xmlns:xmlns='x'/>",
        "<a xmlns:xml='x'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
    ] {
        assert!(matches!(refused(xml), XmlError::BadBinding { .. }), "{xml}");
    }
    for xml in [
        "<a:b:c xmlns:a='x'/>",
        "<:a/>",
        "<a:/>",
        "<xmlns:a/>",
        "<a xmlns:='x'/>",
    ] {
        assert!(matches!(refused(xml), XmlError::BadName { .. }), "{xml}");
    }
    for xml in [
        "<a b='1' b='2'/>",
        "<a xmlns='x' xmlns='x'/>",
        "<a xmlns:p='x' xmlns:p='y'/>",
        "<a xmlns:p='x' xmlns:q='x' p:b='1' q:b='2'/>",
    ] {
        assert!(
            matches!(refused(xml), XmlError::DuplicateAttribute { .. }),
            "{xml}"
        );
    }
    let fine = Element::parse("<a xmlns='x' xmlns:p='x' b='1' p:b='2' xml:lang='en'/>").unwrap();
    assert_eq!(fine.attr("b"), Some("1"));
    assert_eq!(fine.attr_ns("b", "x"), Some("2"));
    assert_eq!(fine.attr_ns("lang", ns::XML), Some("en"));
}

#[test]
fn depth_and_attributes_are_bounded() {
    let deep = |levels| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(Element::parse(deep(100)).is_ok());
    assert_eq!(refused(&deep(101)), XmlError::TooDeep { limit: 100 });
    let wide = |count: usize| {
        let attrs: String = (0..count).map(|n| format!(" a{n}='x'")).collect();
        format!("<a{attrs}/>")
    };
    assert!(Element::parse(wide(64)).is_ok());
    assert_eq!(
        refused(&wide(65)),
        XmlError::TooManyAttributes { limit: 64 }
    );
    // Every name is looked up among all declarations in force: 64 on each of four levels, no more.
    let declared = |levels: usize| {
        let declarations: String = (0..64).map(|n| format!(" xmlns:p{n}='x'")).collect();
        format!(
            "{}{}",
            format!("<a{declarations}>").repeat(levels),
            "</a>".repeat(levels)
        )
    };
    assert!(Element::parse(declared(4)).is_ok());
    assert!(
        Element::parse(format!("<b>{}</b>", declared(4).repeat(9))).is_ok(),
        "one at a time"
    );
    assert_eq!(
        refused(&declared(5)),
        XmlError::TooManyDeclarations { limit: 256 }
    );
}

#[test]
fn text_and_values_are_decoded() {
    let element = Element::parse(
        "<a b='&lt;&#x41;&#66;\t\r\n&#10;&quot;'>x&amp;<![CDATA[<&>]]>\r\ny\rz&#13;&#x1F600;</a>",
    )
    .unwrap();
    assert_eq!(element.attr("b"), Some("<AB  \n\""));
    assert_eq!(element.text(), "x&<&>\ny\nz\r\u{1f600}");
    assert_eq!(Element::parse(element.to_string()).unwrap(), element);
}

#[test]
fn the_writer_replaces_what_xml_cannot_carry() {
    let element = Element::new("a", "")
        .with_text("\u{0}x\u{ffff}]]>")
        .with_attr("b", "'\u{1}<");
    let text = "<a b='&apos;\u{fffd}&lt;'>\u{fffd}x\u{fffd}]]&gt;</a>";
    assert_eq!(element.to_string(), text);
}

/// RFC 6120, section 8.3.1: the error reply swaps addresses, keeps the id, never answers an error.
#[test]
fn error_replies() {
    let xml = "<iq from='a@x/1' to='b@x' id='7' type='get'><query xmlns='jabber:iq:version'/></iq>";
    let iq = Stanza::parse(xml).unwrap();
    let error = StanzaError::new(Condition::ServiceUnavailable);
    let reply = iq.error_reply(&error).unwrap();
    assert_eq!(
        reply.to_string(),
        "<iq to='a@x/1' from='b@x' id='7' type='error'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(reply.error(), Some(error.clone()));
    assert_eq!(reply.error_reply(&error), None);
    let with = iq.error_reply_with_payload(&error).unwrap();
    assert_eq!(with.children().len(), 2);
    assert_eq!(iq.result().error_reply(&error), None);
    assert_eq!(
        iq.result().to_string(),
        "<iq to='a@x/1' from='b@x' id='7' type='result'/>"
    );
}

/// RFC 6120, section 4.8: prefixes declared outside are carried along with the content.
#[test]
fn prefixes_survive_a_move_to_another_stream() {
    let xml = "<message xmlns:x='urn:x' to='b@x'><x:y z='1'/><body>hi</body></message>";
    let moved = Stanza::parse(xml).unwrap().to_bytes();
    let again = Stanza::parse(&moved).unwrap();
    assert_eq!(again.child("y", "urn:x").unwrap().attr("z"), Some("1"));
    let prefixed = "<c:message xmlns:c='jabber:client' xmlns='urn:y' to='b@x'><c:body>hi</c:body><y/></c:message>";
    let again = Stanza::parse(Stanza::parse(prefixed).unwrap().to_bytes()).unwrap();
    assert_eq!(again.body().as_deref(), Some("hi"));
    assert!(again.has_child("y", "urn:y"));
    assert_eq!(
        again.to_string(),
        "<message to='b@x'><body>hi</body><y xmlns='urn:y'/></message>"
    );
    let server = "<message xmlns='jabber:server' xmlns:s='jabber:server' to='b@x'><body>a</body><s:subject>b</s:subject></message>";
    let again = Stanza::parse(Stanza::parse(server).unwrap().to_bytes()).unwrap();
    assert_eq!(
        (again.body().as_deref(), again.text_of("subject").as_deref()),
        (Some("a"), Some("b"))
    );
}

#[test]
fn refused_stanzas_name_their_answer() {
    let case = |xml: &str| {
        let refused = Stanza::parse(xml).unwrap_err();
        let condition = refused
            .reply
            .as_ref()
            .map(|reply| reply.error().unwrap().condition);
        (refused.reason, condition)
    };
    let (reason, reply) = case("<message to='a@b@c' id='1'/>");
    assert!(matches!(reason, RefusedReason::To { .. }));
    assert_eq!(reply, Some(Condition::JidMalformed));
    let (reason, reply) = case("<presence type='available'/>");
    assert!(matches!(reason, RefusedReason::Type { .. }));
    assert_eq!(reply, Some(Condition::BadRequest));
    for xml in [
        "<iq id='1'/>",
        "<iq type='get' id='1'/>",
        "<iq type='get'><a/></iq>",
        "<iq type='set' id='1'><a/><b/></iq>",
        "<iq type='bogus' id='1'><a/></iq>",
    ] {
        assert_eq!(case(xml).1, Some(Condition::BadRequest), "{xml}");
        let reply = Stanza::parse(xml).unwrap_err().reply.unwrap();
        assert!(
            reply.id.is_some(),
            "RFC 6120, section 8.2.3: every iq has one"
        );
    }
    assert_eq!(case("<iq type='result' id='1'><a/><b/></iq>").1, None);
    assert!(matches!(
        case("<body/>").0,
        RefusedReason::NotAStanza { .. }
    ));
    assert!(matches!(
        case("<message xmlns='x'/>").0,
        RefusedReason::NotAStanza { .. }
    ));
    assert!(matches!(
        case("<message from='@'/>").0,
        RefusedReason::From { .. }
    ));
    let normal = Stanza::parse("<message type='whatever'/>").unwrap();
    assert_eq!(normal.kind, StanzaKind::Message(MessageType::Normal));
}

#[test]
fn children_are_removed_without_touching_the_rest() {
    let xml = "<message> <a xmlns='x'/><body>k &amp; <![CDATA[<]]></body><a xmlns='x'><b/></a>t<c/></message>";
    let mut stanza = Stanza::parse(xml).unwrap();
    assert_eq!(
        stanza.remove_children(|name, ns| (name, ns) == ("a", "x")),
        2
    );
    assert_eq!(
        &stanza.payload()[..],
        b" <body>k &amp; <![CDATA[<]]></body>t<c/>"
    );
    assert_eq!(stanza.children().len(), 2);
}

#[test]
fn a_rewritten_header_shares_the_payload() {
    let mut stanza = Stanza::parse("<message to='a@x'><body>hello</body></message>").unwrap();
    let before = stanza.payload().as_ptr();
    stanza.from = Some(jid::parse("b@x/1").unwrap());
    let copy = stanza.clone();
    assert_eq!(copy.payload().as_ptr(), before);
    assert_eq!(
        copy.to_string(),
        "<message to='a@x' from='b@x/1'><body>hello</body></message>"
    );
    assert!(!copy.asks(IqType::Get, "body", ns::CLIENT));
}

/// XMPP-1: what is written is well formed whatever the client named its prefixes, also where its payload
/// brings along the prefix that the server would choose for an attribute.
#[test]
fn an_attribute_in_a_namespace_does_not_declare_a_prefix_twice() {
    for xml in [
        "<message to='b@x' xmlns:ns0='urn:a' ns0:x='1'><ns0:y/></message>",
        "<message to='b@x' xmlns:ns0='urn:a' xmlns:p='urn:b' p:x='1'><ns0:y/></message>",
        "<p:message xmlns:p='jabber:client' p:to='a@b' to='c@d'><p:body>x</p:body></p:message>",
    ] {
        let stanza = Stanza::parse(xml).unwrap();
        let mut again = stanza.clone();
        for _ in 0..3 {
            let written = again.to_bytes();
            again = Stanza::parse(&written).unwrap_or_else(|error| panic!("{xml}: {error}"));
        }
        assert_eq!(again.to, stanza.to);
    }
}
