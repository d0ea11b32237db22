/** What a webhook can ask for, in words. */
export const eventTypes: { value: string; label: string }[] = [
  { value: "*", label: "Everything, also what later versions add" },
  { value: "links.*", label: "Everything about links" },
  { value: "links.created", label: "A link was made" },
  { value: "links.updated", label: "A link was edited" },
  { value: "links.deleted", label: "A link was deleted" },
  { value: "links.died", label: "A link's target is gone" },
  { value: "links.quarantined", label: "A link was stopped as unsafe" },
  { value: "links.released", label: "A stopped link redirects again" },
  { value: "links.domain_verified", label: "A domain was proved" },
  { value: "links.domain_lost", label: "Somebody else has proved a domain" },
];
