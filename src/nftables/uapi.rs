//! Numbers of `linux/netfilter/nf_tables.h`, `linux/netfilter/nfnetlink.h` and `linux/netfilter.h`.

/// `enum nf_tables_msg_types`: kinds of messages.
pub(crate) const NFT_MSG_NEWTABLE: u8 = 0;
pub(crate) const NFT_MSG_GETTABLE: u8 = 1;
pub(crate) const NFT_MSG_DELTABLE: u8 = 2;
pub(crate) const NFT_MSG_NEWCHAIN: u8 = 3;
pub(crate) const NFT_MSG_GETCHAIN: u8 = 4;
pub(crate) const NFT_MSG_DELCHAIN: u8 = 5;
pub(crate) const NFT_MSG_NEWRULE: u8 = 6;
pub(crate) const NFT_MSG_GETRULE: u8 = 7;
pub(crate) const NFT_MSG_DELRULE: u8 = 8;
pub(crate) const NFT_MSG_NEWSET: u8 = 9;
pub(crate) const NFT_MSG_GETSET: u8 = 10;
pub(crate) const NFT_MSG_DELSET: u8 = 11;
pub(crate) const NFT_MSG_NEWSETELEM: u8 = 12;
pub(crate) const NFT_MSG_GETSETELEM: u8 = 13;
pub(crate) const NFT_MSG_NEWGEN: u8 = 15;
pub(crate) const NFT_MSG_GETGEN: u8 = 16;

/// The subsystem of nf_tables, in the upper byte of a message's type.
pub(crate) const NFNL_SUBSYS_NFTABLES: u8 = 10;
/// `enum nfnl_msg_types` and `enum nfnl_batch_attributes`: the ends of a transaction.
pub(crate) const NFNL_MSG_BATCH_BEGIN: u16 = 16;
pub(crate) const NFNL_MSG_BATCH_END: u16 = 17;
pub(crate) const NFNL_BATCH_GENID: u16 = 1;

/// Protocol families of netfilter.
pub(crate) const NFPROTO_UNSPEC: u8 = 0;
pub(crate) const NFPROTO_INET: u8 = 1;
pub(crate) const NFPROTO_IPV4: u8 = 2;
pub(crate) const NFPROTO_NETDEV: u8 = 5;
pub(crate) const NFPROTO_IPV6: u8 = 10;
/// Verdicts that end the way through a chain for good.
pub(crate) const NF_DROP: u32 = 0;
pub(crate) const NF_ACCEPT: u32 = 1;

pub(crate) const NFTA_GEN_ID: u16 = 1;

pub(crate) const NFTA_TABLE_NAME: u16 = 1;
pub(crate) const NFTA_TABLE_FLAGS: u16 = 2;
/// Flag of a table whose chains the kernel does not call.
pub(crate) const NFT_TABLE_F_DORMANT: u32 = 1;
pub(crate) const NFTA_TABLE_OWNER: u16 = 7;

pub(crate) const NFTA_CHAIN_TABLE: u16 = 1;
pub(crate) const NFTA_CHAIN_NAME: u16 = 3;
pub(crate) const NFTA_CHAIN_HOOK: u16 = 4;
pub(crate) const NFTA_CHAIN_POLICY: u16 = 5;
pub(crate) const NFTA_CHAIN_TYPE: u16 = 7;
pub(crate) const NFTA_CHAIN_FLAGS: u16 = 10;
pub(crate) const NFTA_HOOK_HOOKNUM: u16 = 1;
pub(crate) const NFTA_HOOK_PRIORITY: u16 = 2;
/// The chain belongs to a rule, and goes with it.
pub(crate) const NFT_CHAIN_BINDING: u32 = 4;
/// The chain is called by the kernel: follows from its hook.
pub(crate) const NFT_CHAIN_BASE: u32 = 1;

pub(crate) const NFTA_RULE_TABLE: u16 = 1;
pub(crate) const NFTA_RULE_CHAIN: u16 = 2;
pub(crate) const NFTA_RULE_HANDLE: u16 = 3;
pub(crate) const NFTA_RULE_EXPRESSIONS: u16 = 4;
pub(crate) const NFTA_RULE_USERDATA: u16 = 7;
pub(crate) const NFTA_LIST_ELEM: u16 = 1;
pub(crate) const NFTA_EXPR_NAME: u16 = 1;
pub(crate) const NFTA_EXPR_DATA: u16 = 2;

pub(crate) const NFTA_SET_TABLE: u16 = 1;
pub(crate) const NFTA_SET_NAME: u16 = 2;
pub(crate) const NFTA_SET_FLAGS: u16 = 3;
pub(crate) const NFTA_SET_KEY_TYPE: u16 = 4;
pub(crate) const NFTA_SET_KEY_LEN: u16 = 5;
pub(crate) const NFTA_SET_DESC: u16 = 9;
pub(crate) const NFTA_SET_ID: u16 = 10;
pub(crate) const NFTA_SET_PAD: u16 = 14;
pub(crate) const NFTA_SET_HANDLE: u16 = 16;
/// The attributes of a set after this one are only read, not written.
pub(crate) const NFTA_SET_EXPRESSIONS: u16 = 18;
pub(crate) const NFTA_SET_DESC_SIZE: u16 = 1;
pub(crate) const NFT_SET_ANONYMOUS: u32 = 1;
pub(crate) const NFT_SET_CONSTANT: u32 = 2;
pub(crate) const NFT_SET_INTERVAL: u32 = 4;

pub(crate) const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
pub(crate) const NFTA_SET_ELEM_LIST_SET: u16 = 2;
pub(crate) const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
pub(crate) const NFTA_SET_ELEM_LIST_SET_ID: u16 = 4;
pub(crate) const NFTA_SET_ELEM_KEY: u16 = 1;
pub(crate) const NFTA_SET_ELEM_FLAGS: u16 = 3;
pub(crate) const NFTA_SET_ELEM_USERDATA: u16 = 6;
/// The element is the first after a range.
pub(crate) const NFT_SET_ELEM_INTERVAL_END: u32 = 1;

pub(crate) const NFTA_DATA_VERDICT: u16 = 2;
pub(crate) const NFTA_VERDICT_CODE: u16 = 1;
pub(crate) const NFTA_VERDICT_CHAIN: u16 = 2;
/// `enum nft_verdicts`, as unsigned numbers.
pub(crate) const NFT_JUMP: u32 = -3_i32 as u32;
pub(crate) const NFT_RETURN: u32 = -5_i32 as u32;

/// `enum nft_registers`: that of the verdict, and the first one for data.
pub(crate) const NFT_REG_VERDICT: u32 = 0;
pub(crate) const NFT_REG_1: u32 = 1;
pub(crate) const NFT_REG_4: u32 = 4;

/// `enum nft_meta_keys`: what is known of a packet beside its content.
pub(crate) const NFT_META_MARK: u32 = 3;
pub(crate) const NFT_META_IIFNAME: u32 = 6;
pub(crate) const NFT_META_OIFNAME: u32 = 7;
pub(crate) const NFT_META_SKUID: u32 = 10;
pub(crate) const NFT_META_SKGID: u32 = 11;
pub(crate) const NFT_META_NFPROTO: u32 = 15;
pub(crate) const NFT_META_L4PROTO: u32 = 16;

/// `enum nft_ct_keys`: what is known of a packet's connection.
pub(crate) const NFT_CT_STATE: u32 = 0;
pub(crate) const NFT_CT_MARK: u32 = 3;
pub(crate) const NFT_CT_ZONE: u32 = 17;

/// `enum nft_payload_bases`: what offsets into a packet are relative to.
pub(crate) const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
pub(crate) const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;

/// `enum nft_cmp_ops`.
pub(crate) const NFT_CMP_EQ: u32 = 0;
pub(crate) const NFT_CMP_NEQ: u32 = 1;
pub(crate) const NFT_CMP_LTE: u32 = 3;
pub(crate) const NFT_CMP_GTE: u32 = 5;
/// `enum nft_range_ops`.
pub(crate) const NFT_RANGE_EQ: u32 = 0;
pub(crate) const NFT_RANGE_NEQ: u32 = 1;
/// `enum nft_byteorder_ops`: from the host's byte order to the network's.
pub(crate) const NFT_BYTEORDER_HTON: u32 = 1;
/// `enum nft_lookup_flags`: the rule continues if the set does not hold the value.
pub(crate) const NFT_LOOKUP_F_INV: u32 = 1;

/// Flag of redirect: a port is given (`NF_NAT_RANGE_PROTO_SPECIFIED`).
pub(crate) const NF_NAT_RANGE_PROTO_SPECIFIED: u32 = 2;
