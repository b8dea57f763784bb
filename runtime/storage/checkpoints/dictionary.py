"""What stored values have in common, for zstd: the parts of a value that are found here cost next to nothing.

Never change a dictionary that has been released, or what it packed cannot be read any more; add the next one.
"""

from __future__ import annotations

DICTIONARY_1 = (
    b"__start__branch:to:model__input__statuscompletedfinish_reasonstopmodel_providermodel_name"
    b"input_token_detailsaudio\x00cache_read\x00output_token_detailsreasoning\x00system_fingerprintservice_tier"
    b"\xb3langchain_core.messages.system\xadSystemMessage\x86\xa7content"
    b"\xc8\x02\x00\x05\x94\xbflangchain_core.messages.tool\xabToolMessage\x88\xa7content\xda\x01"
    b"\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type\xa4tool\xa4name\xa2id\xd9$"
    b"\xactool_call_id\xa8artifact\xc0\xa6status\xa7success\xb3model_validate_json"
    b"\xc8\x02\x00\x05\x94\xd9\x1dlangchain_core.messages.human\xacHumanMessage\x86\xa7content\xda\x01"
    b"\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type\xa5human\xa4name\xc0\xa2id\xd9$"
    b"\xb3model_validate_json"
    b"\x83\xa1c\x86\xa1v\x04\xa2ts\xd9 2026-01-01T00:00:00.000000+00:00\xb0channel_versions\x83\xa9__start__\xd9"
    b"100000000000000000000000000000002.0.\xaaversions_seen\x83\xa9__input__\x80\xa9__start__\x81\xa9__start__\xd9"
    b"100000000000000000000000000000001.0.\xb0updated_channels\x92\xa8messages\xafbranch:to:model\xadpending_sends\x90"
    b"\xa1r\x81\xa8messages\x81\xa1l\x91\x92\x01\xa1m\x84\xa6source\xa4loop\xa5input\xa4step\xa7parents\x80"
    b"\xa6run_id\xd9$"
    b"\xc8\x02\x00\x05\x94\xbalangchain_core.messages.ai\xa9AIMessage\x89\xa7content\xa0"
    b"\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type\xa2ai\xa4name\xc0\xa2id\xd9$"
    b"\xaatool_calls\x91\x84\xa4name\xa4args\x81\xa2id\xa4type\xa9tool_call"
    b"\xaatool_calls\x90\xb2invalid_tool_calls\x90\xaeusage_metadata\x83\xacinput_tokens\xadoutput_tokens"
    b"\xactotal_tokens\xaeusage_metadata\xc0\xb3model_validate_json"
)
