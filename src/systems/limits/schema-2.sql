-- Rules may be divided into sub-keys; those that were there before are not.
UPDATE limits.rules SET definition = definition || '{"sub_keys": null}'
  WHERE NOT definition ? 'sub_keys';
UPDATE limits.rule_versions SET definition = definition || '{"sub_keys": null}'
  WHERE NOT definition ? 'sub_keys';
