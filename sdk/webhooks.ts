import { segment, type Body, type Caller, type Filter } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type { Delivery, Webhook, WebhookWithSecret } from "./types.ts";

export function webhooksOf(api: Caller) {
  const path = (id: string) => `/webhooks/${segment(id)}`;
  return {
    /** The answer's `secret` signs every delivery and is shown this once. */
    create: (webhook: Body<"post_webhooks">, options?: CallOptions) =>
      api.create<WebhookWithSecret>("/webhooks", webhook, options),
    get: (id: string, options?: CallOptions) => api.get<Webhook>(path(id), undefined, options),
    list: (query: Filter<"get_webhooks"> = {}, options?: CallOptions) =>
      api.list<Webhook>("/webhooks", query, options),
    update: (id: string, change: Body<"patch_webhooks_id">, options?: CallOptions) =>
      api.patch<Webhook>(path(id), change, options),
    delete: (id: string, options?: CallOptions) => api.delete(path(id), options),
    /** Both secrets sign for a day, so that the receiver can change over in its own time. */
    rotateSecret: (id: string, options?: CallOptions) =>
      api.post<WebhookWithSecret>(`${path(id)}/rotate_secret`, undefined, options),
    /** Sends a `webhooks.test` event. */
    test: (id: string, options?: CallOptions) =>
      api.post<Delivery>(`${path(id)}/test`, undefined, options),
    deliveries: (
      id: string,
      query: Filter<"get_webhooks_id_deliveries"> = {},
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
