/**
 * What a text may have, spelled by code points: these stand in the OpenAPI, and most languages'
 * regular expressions have no `\p{Cc}`.
 */
/** On one line: neither control characters nor half of a surrogate pair. */
// oxlint-disable-next-line no-control-regex
export const oneLine = /^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]*$/u;

/** On several: what PostgreSQL stores. */
// oxlint-disable-next-line no-control-regex
export const severalLines = /^[^\u0000\ud800-\udfff]*$/u;
