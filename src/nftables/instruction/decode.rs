//! Reads instructions.

use netlink_packet_core::DecodeError;

use super::super::uapi::{NFTA_DATA_VERDICT, NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE};
use super::{Instruction, NFT_REG_VERDICT, SetReference, kinds};
use crate::netlink::{Attribute, attributes};
use crate::nftables::fields::Fields;

/// An instruction, or `None` if it is not one of those that are known.
type Decoded = Result<Option<Instruction>, DecodeError>;

impl Instruction {
    /// Reads an element of a rule's list. What is not known is kept as it is.
    pub(crate) fn decode(element: &[u8]) -> Result<Self, DecodeError> {
        let whole = Fields::read(element)?;
        let data = whole.get(NFTA_EXPR_DATA).map_or(&[][..], Attribute::bytes);
        let fields = Fields::read(data)?;
        let decoded = match whole.text(NFTA_EXPR_NAME)? {
            Some("meta") => meta(&fields)?,
            Some("ct") => ct(&fields)?,
            Some("payload") => payload(&fields)?,
            Some("bitwise") => bitwise(&fields)?,
            Some("byteorder") => byteorder(&fields)?,
            Some("cmp") => compare(&fields)?,
            Some("range") => range(&fields)?,
            Some("lookup") => lookup(&fields)?,
            Some("immediate") => immediate(&fields)?,
            Some("counter") => Some(Self::Counter),
            Some("redir") => redirect(&fields)?,
            Some("tproxy") => tproxy(&fields)?,
            Some(_) | None => None,
        };
        match decoded {
            Some(instruction) => Ok(instruction),
            None => Ok(Self::Other(attributes(element).map(|a| a.map(Attribute::raw)).collect::<Result<_, _>>()?)),
        }
    }
}

fn meta(fields: &Fields<'_>) -> Decoded {
    Ok(match fields.numbers([kinds::META_KEY, kinds::META_DREG, kinds::META_SREG])? {
        Some([Some(key), Some(into), None]) => Some(Instruction::Meta { key, into }),
        Some([Some(key), None, Some(from)]) => Some(Instruction::SetMeta { key, from }),
        Some(_) | None => None,
    })
}

fn ct(fields: &Fields<'_>) -> Decoded {
    Ok(match fields.numbers([kinds::CT_KEY, kinds::CT_DREG, kinds::CT_SREG])? {
        Some([Some(key), Some(into), None]) => Some(Instruction::Ct { key, into }),
        Some([Some(key), None, Some(from)]) => Some(Instruction::SetCt { key, from }),
        Some(_) | None => None,
    })
}

fn payload(fields: &Fields<'_>) -> Decoded {
    let kinds = [kinds::PAYLOAD_BASE, kinds::PAYLOAD_OFFSET, kinds::PAYLOAD_LEN, kinds::PAYLOAD_DREG];
    let Some([Some(base), Some(offset), Some(length), Some(into)]) = fields.numbers(kinds)? else { return Ok(None) };
    Ok(Some(Instruction::Payload { base, offset, length, into }))
}

fn bitwise(fields: &Fields<'_>) -> Decoded {
    let (mask, xor) = (fields.data(kinds::BITWISE_MASK)?, fields.data(kinds::BITWISE_XOR)?);
    let registers = (fields.number(kinds::BITWISE_SREG)?, fields.number(kinds::BITWISE_DREG)?);
    let length = fields.number(kinds::BITWISE_LEN)?.and_then(|l| usize::try_from(l).ok());
    // Operation 0 is the one that has a mask.
    let operation = fields.number(kinds::BITWISE_OP)?.unwrap_or(0);
    let kinds = [
        kinds::BITWISE_SREG,
        kinds::BITWISE_DREG,
        kinds::BITWISE_LEN,
        kinds::BITWISE_MASK,
        kinds::BITWISE_XOR,
        kinds::BITWISE_OP,
    ];
    let (Some(mask), Some(xor), (Some(from), Some(into))) = (mask, xor, registers) else { return Ok(None) };
    let whole = length == Some(mask.len()) && mask.len() == xor.len() && operation == 0;
    Ok((whole && fields.are_among(&kinds)).then_some(Instruction::Bitwise { from, into, mask, xor }))
}

fn byteorder(fields: &Fields<'_>) -> Decoded {
    let kinds = [
        kinds::BYTEORDER_SREG,
        kinds::BYTEORDER_DREG,
        kinds::BYTEORDER_OP,
        kinds::BYTEORDER_LEN,
        kinds::BYTEORDER_SIZE,
    ];
    let Some([Some(from), Some(into), Some(operation), Some(length), Some(size)]) = fields.numbers(kinds)? else {
        return Ok(None);
    };
    Ok(Some(Instruction::ByteOrder { from, into, operation, length, size }))
}

fn compare(fields: &Fields<'_>) -> Decoded {
    if !fields.are_among(&[kinds::CMP_SREG, kinds::CMP_OP, kinds::CMP_DATA]) {
        return Ok(None);
    }
    let (register, operation) = (fields.number(kinds::CMP_SREG)?, fields.number(kinds::CMP_OP)?);
    let (Some(register), Some(operation), Some(value)) = (register, operation, fields.data(kinds::CMP_DATA)?) else {
        return Ok(None);
    };
    Ok(Some(Instruction::Compare { register, operation, value }))
}

fn range(fields: &Fields<'_>) -> Decoded {
    if !fields.are_among(&[kinds::RANGE_SREG, kinds::RANGE_OP, kinds::RANGE_FROM_DATA, kinds::RANGE_TO_DATA]) {
        return Ok(None);
    }
    let (register, operation) = (fields.number(kinds::RANGE_SREG)?, fields.number(kinds::RANGE_OP)?);
    let (low, high) = (fields.data(kinds::RANGE_FROM_DATA)?, fields.data(kinds::RANGE_TO_DATA)?);
    let (Some(register), Some(operation), Some(low), Some(high)) = (register, operation, low, high) else {
        return Ok(None);
    };
    Ok(Some(Instruction::Range { register, operation, low, high }))
}

fn lookup(fields: &Fields<'_>) -> Decoded {
    let kinds = [kinds::LOOKUP_SET, kinds::LOOKUP_SREG, kinds::LOOKUP_FLAGS];
    let (set, register) = (fields.text(kinds::LOOKUP_SET)?, fields.number(kinds::LOOKUP_SREG)?);
    let flags = fields.number(kinds::LOOKUP_FLAGS)?.unwrap_or(0);
    let (Some(set), Some(register), true) = (set, register, fields.are_among(&kinds)) else { return Ok(None) };
    Ok(Some(Instruction::Lookup { register, set: SetReference::Name(set.to_owned()), flags }))
}

fn immediate(fields: &Fields<'_>) -> Decoded {
    let (into, data) = (fields.number(kinds::IMMEDIATE_DREG)?, fields.get(kinds::IMMEDIATE_DATA));
    let (Some(into), Some(data), true) =
        (into, data, fields.are_among(&[kinds::IMMEDIATE_DREG, kinds::IMMEDIATE_DATA]))
    else {
        return Ok(None);
    };
    if into != NFT_REG_VERDICT {
        return Ok(data.data()?.map(|value| Instruction::Load { into, value }));
    }
    let held = Fields::read(data.bytes())?;
    let Some(verdict) = held.get(NFTA_DATA_VERDICT) else { return Ok(None) };
    let verdict = Fields::read(verdict.bytes())?;
    let (Some(code), true) =
        (verdict.number(NFTA_VERDICT_CODE)?, verdict.are_among(&[NFTA_VERDICT_CODE, NFTA_VERDICT_CHAIN]))
    else {
        return Ok(None);
    };
    Ok(Some(Instruction::NftVerdict { code, chain: verdict.text(NFTA_VERDICT_CHAIN)?.map(str::to_owned) }))
}

fn redirect(fields: &Fields<'_>) -> Decoded {
    let kinds = [kinds::REDIR_REG_PROTO_MIN, kinds::REDIR_REG_PROTO_MAX, kinds::REDIR_FLAGS];
    let Some([lowest, highest, flags]) = fields.numbers(kinds)? else { return Ok(None) };
    Ok(Some(Instruction::Redirect { lowest, highest, flags: flags.unwrap_or(0) }))
}

fn tproxy(fields: &Fields<'_>) -> Decoded {
    let kinds = [kinds::TPROXY_FAMILY, kinds::TPROXY_REG_ADDR, kinds::TPROXY_REG_PORT];
    let Some([Some(family), address, port]) = fields.numbers(kinds)? else { return Ok(None) };
    Ok(Some(Instruction::Tproxy { family, address, port }))
}
