//! What is written into a cluster, and what is not: the Lease, caBundle, the Secret.

use std::sync::atomic::Ordering;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;

use super::api::{Api, hurry, logged, run, take_notes, until, until_async};
use super::fake::Fake;
use super::scenarios::{
    self, CONFIGURATIONS, Keeping, LEASES, Numbers, SECRETS, Sharing, bundles, ca, candidate, configuration,
};

const WEBHOOK: &str = "rev.namespace.sidecar-injector.istio.io";

fn with_fake(name: &'static str, test: impl AsyncFnOnce(Fake, Api)) {
    run(async {
        take_notes();
        let fake = Fake::start();
        let api = Api::of(&fake, name).await;
        test(fake, api).await;
    });
}

#[test]
fn a_lease_has_one_holder_and_goes_on() {
    with_fake("lease", async |_, api| scenarios::a_lease_has_one_holder_and_goes_on(&api, "l").await);
}

#[test]
fn ca_bundles_are_set_and_nothing_else() {
    with_fake("bundles", async |_, api| scenarios::ca_bundles_are_set_and_nothing_else(&api, "canary").await);
}

#[test]
fn only_the_holder_sets_ca_bundles() {
    with_fake("standby", async |_, api| scenarios::only_the_holder_sets_ca_bundles(&api, "canary").await);
}

#[test]
fn a_certificate_is_shared_renewed_and_written_back() {
    with_fake("shared", async |_, api| {
        scenarios::a_certificate_is_shared_renewed_and_written_back(&api, "certificate").await;
    });
}

#[test]
fn a_lease_whose_clock_is_wrong_is_respected_as_long_as_it_changes() {
    with_fake("clock", async |_, api| {
        let lease = |count: i64| {
            let spec = json!({
                "holderIdentity": "other", "leaseDurationSeconds": 1, "leaseTransitions": count,
                "renewTime": "1999-01-01T00:00:00.000000Z",
            });
            json!({"metadata": {"name": "l"}, "spec": spec})
        };
        api.put(LEASES, lease(0)).await;
        let (running, mut holds) = candidate(&api, "l", "us", hurry());
        // Each change comes well before the second is over.
        for count in 1..10 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            api.put(LEASES, lease(count)).await;
        }
        assert!(!*holds.borrow());
        holds.wait_for(|holds| *holds).await.unwrap();
        assert_eq!(api.get(LEASES, "l").await.unwrap()["spec"]["leaseTransitions"], 10);
        running.stop().await;
    });
}

#[test]
fn a_holder_that_cannot_renew_stops_in_time() {
    with_fake("renew", async |fake, api| {
        let (_running, mut holds) = candidate(&api, "l", "us", hurry());
        holds.wait_for(|holds| *holds).await.unwrap();
        fake.fail(|_, path| path.contains("leases").then_some(500));
        holds.wait_for(|holds| !*holds).await.unwrap();
        fake.work_again();
        holds.wait_for(|holds| *holds).await.unwrap();
        let told: Vec<_> = logged(&fake.address.to_string());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("status 500"), "{told:?}");
    });
}

#[test]
fn a_missing_right_to_the_lease_is_reported_once() {
    with_fake("no-lease", async |fake, api| {
        fake.fail(|_, _| Some(403));
        let (_running, holds) = candidate(&api, "l", "us", hurry());
        until("attempts", || fake.count("GET", "leases/l") >= 3).await;
        assert!(!*holds.borrow());
        let told = logged(&fake.address.to_string());
        assert_eq!(told.len(), 1, "{told:?}");
        for part in [
            "WARN leases: ",
            "get, create and update the Lease l in the namespace istio-system",
            "this replica changes nothing",
        ] {
            assert!(told[0].contains(part), "{told:?}");
        }
    });
}

#[test]
fn ca_bundles_are_not_fought_over() {
    with_fake("fight", async |fake, api| {
        api.put(CONFIGURATIONS, configuration("fought-over", "canary", &[WEBHOOK])).await;
        let keeping = Keeping::start(&api, "canary");
        keeping.wanted.send_replace(Some(ca("ours")));
        keeping.held.send_replace(true);
        let mut theirs = configuration("fought-over", "canary", &[WEBHOOK]);
        theirs["webhooks"][0]["clientConfig"]["caBundle"] = json!(BASE64.encode(ca("theirs").as_bytes()));
        for _ in 0..7 {
            until_async("our CA", async || bundles(&api, "fought-over").await == [ca("ours").to_string()]).await;
            api.put(CONFIGURATIONS, theirs.clone()).await;
        }
        assert_eq!(logged("another program keeps setting caBundle of fought-over").len(), 1);
        let patches = fake.count("PATCH", "fought-over?");
        assert!((7..=8).contains(&patches), "one for each time: {patches}");
        assert!(keeping.events().contains(&"retry fought-over".to_owned()));
    });
}

#[test]
fn a_failing_patch_is_tried_again_and_reported_once() {
    with_fake("patch", async |fake, api| {
        api.put(CONFIGURATIONS, configuration("forbidden", "canary", &[WEBHOOK])).await;
        fake.fail(|method, _| (method == "PATCH").then_some(403));
        let keeping = Keeping::start(&api, "canary");
        keeping.wanted.send_replace(Some(ca("ours")));
        keeping.held.send_replace(true);
        until("attempts", || keeping.events().len() >= 8).await;
        let start = ["attempt forbidden", "webhook_update_failure forbidden", "attempt forbidden", "retry forbidden"];
        assert_eq!(keeping.events()[..4], start);
        let told = logged(&fake.address.to_string());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("patch the MutatingWebhookConfiguration forbidden (403 Forbidden"), "{told:?}");
        fake.work_again();
        until_async("our CA", async || bundles(&api, "forbidden").await == [ca("ours").to_string()]).await;
    });
}

#[test]
fn what_cannot_be_patched_is_counted_and_reported_once() {
    with_fake("nothing", async |fake, api| {
        let keeping = Keeping::start(&api, "lonely");
        keeping.held.send_replace(true);
        keeping.wanted.send_replace(Some("no PEM".into()));
        until("a look", || keeping.events() == ["load_ca_bundle_failure "]).await;
        keeping.wanted.send_replace(Some(ca("ours")));
        until("a look", || keeping.events().last().unwrap() == "webhook_config_not_found ").await;
        assert_eq!(logged("with the label istio.io/rev=lonely").len(), 1);
        api.put(CONFIGURATIONS, configuration("of-others", "lonely", &["other.example.com"])).await;
        until("a look", || keeping.events().last().unwrap() == "webhook_entry_not_found of-others").await;
        api.put(
            CONFIGURATIONS,
            json!({"metadata": {"name": "of-others", "labels": {"istio.io/rev": "lonely", "a": "b"}}, "webhooks": []}),
        )
        .await;
        api.put(CONFIGURATIONS, configuration("ours", "lonely", &[WEBHOOK])).await;
        until_async("our CA", async || bundles(&api, "ours").await == [ca("ours").to_string()]).await;
        assert_eq!(keeping.events().len(), 4, "{:?}", keeping.events());
        assert_eq!(fake.count("PATCH", ""), 1);
    });
}

#[test]
fn a_new_ca_is_trusted_before_its_certificate_is_served() {
    with_fake("new-ca", async |_, api| {
        let issuer = Numbers::default();
        let mut replica = Sharing::start(&api, "certificate", &issuer);
        until("a certificate", || replica.serves().is_some()).await;
        let (first, old) = (replica.serves().unwrap(), replica.trusts());
        *issuer.new_ca.lock().unwrap() = Some("new".to_owned());
        issuer.due.lock().unwrap().insert(first.clone());
        replica.trusted.mark_unchanged();
        replica.held.send_replace(true);
        replica.trusted.changed().await.unwrap();
        assert_eq!(replica.serves().unwrap(), first);
        assert_eq!(replica.trusts(), format!("{}{old}", ca("new")), "the new one, and the old one");
        until("the new certificate", || replica.serves().unwrap() != first).await;
        // The next is of the new CA, and there is nothing to wait for.
        let second = replica.serves().unwrap();
        issuer.due.lock().unwrap().insert(second.clone());
        replica.held.send_replace(true);
        until("the next certificate", || replica.serves().unwrap() != second).await;
        assert_eq!(replica.trusts(), format!("{}{old}", ca("new")));
    });
}

#[test]
fn a_secret_of_another_issuer_is_read_and_never_written() {
    with_fake("another", async |fake, api| {
        let text = |text: &str| BASE64.encode(text.as_bytes());
        let data = json!({"ca.crt": text(&ca("theirs")), "tls.crt": text("certificate 5"), "tls.key": text("key 5")});
        let secret = |data: &serde_json::Value| json!({"metadata": {"name": "certificate"}, "type": "kubernetes.io/tls", "data": data});
        api.put(SECRETS, secret(&data)).await;
        let issuer = Numbers::default();
        issuer.due.lock().unwrap().insert("certificate 5".to_owned());
        let replica = Sharing::start(&api, "certificate", &issuer);
        replica.held.send_replace(true);
        until("a certificate", || replica.serves().as_deref() == Some("certificate 5")).await;
        assert_eq!(replica.trusts(), ca("theirs").to_string());
        let mut broken = data.clone();
        broken["tls.key"] = json!(text("key 6"));
        api.put(SECRETS, secret(&broken)).await;
        until("a word", || {
            !logged("istio-system/certificate cannot be used: the key is another's; it has no ca.key").is_empty()
        })
        .await;
        assert_eq!(replica.serves().as_deref(), Some("certificate 5"), "what is good is served on");
        let writes = fake.asked().into_iter().filter(|asked| !asked.starts_with("GET")).count();
        assert_eq!((writes, issuer.issued.load(Ordering::SeqCst)), (2, 0), "both are the test's");
    });
}
