import { flag, int, oneOf } from "./setting.ts";

/** The settings of chat; `settings` in config.ts has them among all others. */
export const chatSettings = {
  // Chat
  chatPeopleFindable: oneOf(
    "STOA_CHAT_PEOPLE_FINDABLE",
    "known",
    ["known", "everybody"],
    "Whom a person finds by name: those who share a conversation with them, and anybody by the " +
      "whole e-mail address; or everybody of this install, where all may know of each other.",
  ),
  chatSendsPerMinute: int(
    "STOA_CHAT_SENDS_PER_MINUTE",
    600,
    { min: 1, max: 10_000_000 },
    "Messages that one account may send in a minute: the rule chat.sends, until somebody edits it.",
  ),
  chatEditWithinSeconds: int(
    "STOA_CHAT_EDIT_WITHIN_SECONDS",
    86_400,
    { min: 0, max: 1_000_000_000 },
    "How long after it was sent a message may be edited by its sender. 0: never.",
  ),
  chatDeleteWithinSeconds: int(
    "STOA_CHAT_DELETE_WITHIN_SECONDS",
    172_800,
    { min: 0, max: 1_000_000_000 },
    "How long after it was sent a message may be deleted for everybody by its sender; by admins " +
      "and owners of a group at any time. 0: never.",
  ),
  chatLinkPreviews: flag(
    "STOA_CHAT_LINK_PREVIEWS",
    true,
    "Whether Stoa fetches the pages that messages link to, to show their titles.",
  ),
  chatUndeliveredAfterSeconds: int(
    "STOA_CHAT_UNDELIVERED_AFTER_SECONDS",
    30,
    { min: 0, max: 86_400 },
    "How long a message may be without reaching any device of a member before the event " +
      "chat.message_undelivered, for pushes, tells of it; up to 15 s more. 0: never.",
  ),
};
