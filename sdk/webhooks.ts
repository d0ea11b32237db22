import { segment, type Body, type Caller, type Query, type Reply } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type { Delivery, Webhook } from "./types.ts";

type Filter<Q> = Omit<NonNullable<Q>, "cursor">;

export function webhooksOf(api: Caller) {
  const path = (id: string) => `/webhooks/${segment(id)}`;
  return {
    /** The answer's `secret` signs every delivery and is shown this once. */
    create: (webhook: Body<"post_webhooks">, options?: CallOptions) =>
      api.create<Reply<"post_webhooks">>("/webhooks", webhook, options),
    get: (id: string, options?: CallOptions) => api.get<Webhook>(path(id), undefined, options),
    list: (query: Filter<Query<"get_webhooks">> = {}, options?: CallOptions) =>
      api.list<Webhook>("/webhooks", query, options),
    update: (id: string, change: Body<"patch_webhooks_id">, options?: CallOptions) =>
      api.patch<Webhook>(path(id), change, options),
    delete: (id: string, options?: CallOptions) => api.delete(path(id), options),
    /** Both secrets sign for a day, so that the receiver can change over in its own time. */
    rotateSecret: (id: string, options?: CallOptions) =>
      api.post<Reply<"post_webhooks_id_rotate_secret">>(
        `${path(id)}/rotate_secret`,
        undefined,
        options,
      ),
    /** Sends a `webhooks.test` event. */
    test: (id: string, options?: CallOptions) =>
      api.post<Delivery>(`${path(id)}/test`, undefined, options),
    deliveries: (
      id: string,
      query: Filter<Query<"get_webhooks_id_deliveries">> = {},
      options?: CallOptions,
    ) => api.list<Delivery>(`${path(id)}/deliveries`, query, options),
    replay: (id: string, deliveryId: string, options?: CallOptions) =>
      api.post<Delivery>(
        `${path(id)}/deliveries/${segment(deliveryId)}/replay`,
        undefined,
        options,
      ),
  };
}
