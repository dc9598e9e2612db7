//! Your own XMPP client against a lab: real sockets, real TLS, a lab's own authority to trust.
//!
//! `cargo run --example own_client`

use std::error::Error;

use rustls::pki_types::ServerName;
use takeover::Lab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

fn main() -> Result<(), Box<dyn Error>> {
    // A protocol second lasts a thirtieth of a second. The lab lives on threads of its own.
    let lab = Lab::real_time(30.0).start()?;
    let address = lab.addresses("1A").ok_or("no endpoint")?.xmpp_tls;
    let trust = lab.trust().ok_or("no authority")?;
    println!("1A listens at {address}; trust {:?}", lab.authority_file());

    // From here on it is your client; this one knows just enough to say hello.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let features = runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(address).await?;
        let domain = ServerName::try_from("example.test").map_err(std::io::Error::other)?;
        let mut stream = TlsConnector::from(trust).connect(domain, socket).await?;
        stream
            .write_all(
                b"<stream:stream xmlns='jabber:client' to='example.test' version='1.0' \
                  xmlns:stream='http://etherx.jabber.org/streams'>",
            )
            .await?;
        let mut answer = String::new();
        let mut octets = [0; 1024];
        while !answer.contains("</stream:features>") {
            let count = stream.read(&mut octets).await?;
            if count == 0 {
                break;
            }
            answer.push_str(&String::from_utf8_lossy(&octets[..count]));
        }
        stream.write_all(b"</stream:stream>").await?;
        Ok::<_, std::io::Error>(answer)
    })?;
    println!("the lab offers: {features}");
    assert!(features.contains("SCRAM-SHA-256"));

    lab.shut_down(std::time::Duration::from_secs(5))?;
    Ok(())
}
