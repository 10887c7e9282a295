"""Every field of the public contract by who may read it. A new field belongs into one of these.

Names of fields by the name of their type.
"""

from __future__ import annotations

from collections.abc import Mapping

INTERNAL: Mapping[str, str] = {
    "AvailabilityBuckets": (
        "hardAllocated softReserved qualityHold damaged returnsQuarantine safetyStock "
        "backorderDemand"
    ),
    "Case": "queue assignee",
    "CreditMemo": "externalReference",
    "CreditStanding": "limit exposure available onHold",
    "Customer": "segment credit",
    "Disposition": "decidedBy",
    "Inspection": "inspector notes",
    "InventoryPosition": (
        "hardAllocated softReserved qualityHold damaged returnsQuarantine safetyStock "
        "backorderDemand countedAt"
    ),
    "Item": "unitCost",
    "Order": "holdReason salesPerson",
    "OrderLine": "unitCost",
    "PriceRow": "priceList",
    "Receipt": "receivedBy",
}
"""Refused to customers and partners, by the one mask."""

PUBLIC: Mapping[str, str] = {
    "Sourced": "attributes id provenance sourceRefs",
    "TimelineEntry": (
        "actor category causationId change collapsed collapsedCount correlationId "
        "duplicateCount id isClockSuspect isLate message observedAt occurredAt "
        "recordedAt sequence severity subject system title type visibility"
    ),
    "Actor": "type name",
    "Address": "street city postalCode country",
    "Attribute": "key type value system",
    "Availability": (
        "sku location systems mode reasons availableToSell buckets asOf fetchedAt staleness code"
    ),
    "AvailabilityBuckets": "onHand inbound unknownBuckets",
    "Case": (
        "number subject type priority status openedAt firstResponseAt resolvedAt "
        "dueAt updatedAt order rma customer messages sections"
    ),
    "CaseEntry": "case",
    "CaseEvent": "changes conflatedCount node",
    "CaseMessage": "number author authorType visibility channel body sentAt",
    "CaseSnapshot": "nodes",
    "CreditMemo": (
        "number status reason postedAt subtotal fees tax total appliedTotal updatedAt "
        "order invoice rma customer"
    ),
    "Customer": (
        "number name status businessUnit email phone language taxNumber address "
        "paymentTerms createdAt updatedAt cases sections"
    ),
    "Disposition": (
        "number inspectionNumber lineNumber sku code quantity location decidedAt supersedes"
    ),
    "ExceptionEntry": "quantity",
    "FinanceEntry": "money invoice creditMemo",
    "Heartbeat": "cursor state",
    "Inspection": (
        "number receiptNumber lineNumber sku quantity verdict condition variance "
        "serialVerified inspectedAt"
    ),
    "InventoryEntry": "quantity",
    "InventoryPosition": "sku location lot onHand inbound inboundOn updatedAt item",
    "Invoice": (
        "number status postedAt dueOn total tax creditedTotal isDisputed updatedAt "
        "order customer lines creditMemos sections version"
    ),
    "InvoiceLine": "lineNumber orderLine sku description quantity unitPrice amount tax item",
    "Item": (
        "sku gtin description category baseUom serialTracked lotTracked hazmat "
        "finalSale requiresInspection returnWindowDays isActive weight listPrice "
        "updatedAt positions sections version"
    ),
    "LineCounters": (
        "ordered cancelled allocated backordered picked shorted packed shipped delivered"
    ),
    "Me": "subject roles",
    "Milestone": "code carrier carrierCode carrierSubCode message location occurredAt sequence",
    "Money": "amount currency",
    "Order": (
        "number businessUnit channel status priority poNumber placedAt confirmedAt "
        "completedAt cancelledAt requestedDeliveryOn currency total tax freight "
        "shipTo correlationId updatedAt customer lines shipments invoices creditMemos "
        "returns cases timeline fulfillmentStatus returnStatus financialStatus "
        "sections version"
    ),
    "OrderStatusEvent": "changes conflatedCount node",
    "OrderStatusSnapshot": "nodes",
    "OrderTimelineEvent": "node",
    "OrderTimelineSnapshot": "nodes hasOlder",
    "OrderLine": (
        "lineNumber sku description status ordered counters unitPrice discount amount "
        "tax promisedOn updatedAt item"
    ),
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "Price": "sku quantity unitPrice isOwn row",
    "PriceRow": "sku unitPrice minimumQuantity validFrom validTo customer",
    "Provenance": "system asOf fetchedAt staleness fromCache",
    "Quantity": "value uom",
    "Receipt": "number lineNumber sku quantity lot serials location receivedAt",
    "ReturnEntry": "rma quantity money",
    "ReturnStatusEvent": "changes conflatedCount node",
    "ReturnStatusSnapshot": "nodes",
    "Rma": (
        "number status logisticsStatus creditStatus resolution reason channel "
        "requestedBy requestedAt authorizedAt expiresAt closedAt warehouse updatedAt "
        "order customer lines receipts inspections dispositions creditMemos shipments "
        "cases sections"
    ),
    "RmaLine": (
        "lineNumber orderLine sku reason reasonNote requested authorized received "
        "accepted rejected credited unitCreditPrice restockingFee serials lot item"
    ),
    "SearchAnswer": "hits",
    "SearchHit": "field value rank node",
    "SectionStatus": "name system state asOf fetchedAt staleness code",
    "ShipTo": "name street city postalCode country",
    "Shipment": (
        "number direction status subStatus warehouse carrier service trackingNumber "
        "packages weight createdAt shippedAt estimatedDeliveryAt deliveredAt "
        "proofOfDelivery updatedAt order rma lines milestones sections"
    ),
    "ShipmentEntry": "shipment quantity",
    "ShipmentMilestoneEvent": "milestone changes node",
    "ShipmentMilestonesSnapshot": "nodes",
    "ShipmentLine": "orderLine sku quantity lot serials",
    "SourceRef": "system entityType externalId kind",
    "StateChange": "from to",
    "StatusStep": "axis from to",
    "StreamEvent": (
        "eventId cursor sequence type occurredAt recordedAt correlationId causationId source "
        "entityVersion"
    ),
    "StreamGap": "from to reason cursor",
    "StreamSnapshot": "cursor sequence",
    "TimelineConnection": "nodes edges pageInfo totalCount",
    "TimelineEdge": "cursor node",
    "WarehouseEntry": "quantity",
}
"""Read by whoever may read the record."""

HOUSE = frozenset(
    {
        "System",
        "UnmappedCount",
        "AuditEntry",
        "AuditEntryConnection",
        "AuditEntryEdge",
        "RefusalCount",
        "ReferencesPayload",
        "DeadLetter",
        "DeadLetterConnection",
        "DeadLetterEdge",
        "DeadLettersPayload",
        "UserError",
        "NamedValue",
        "Command",
        "CommandConnection",
        "CommandEdge",
        "CommandReceipt",
        "CommandSnapshot",
        "CommandStatusEvent",
        "InvoiceCommandPayload",
        "ItemCommandPayload",
        "OrderCommandPayload",
    }
)
"""Types only reached by a root field that is refused as a whole."""

ROOTS: Mapping[str, str] = {
    # Query
    "order": "all",
    "orders": "all",
    "customer": "all",
    "item": "all",
    "availability": "all",
    "price": "all",
    "shipment": "all",
    "rma": "all",
    "case": "all",
    "search": "all",
    "node": "all",
    "nodes": "all",
    "systems": "house",
    "unmatchedReferences": "house",
    "auditEntries": "auditor",
    "refusals": "auditor",
    "deadLetters": "operator",
    "deadLetter": "operator",
    "command": "house",
    "commands": "house",
    "me": "all",
    # Mutation
    "linkReferences": "operator",
    "unlinkReference": "operator",
    "replayDeadLetters": "operator",
    "dropDeadLetters": "operator",
    "holdOrder": "agent supervisor finance",
    "releaseOrderHold": "agent supervisor finance",
    "cancelOrderLines": "agent supervisor",
    "addTimelineNote": "agent supervisor finance warehouse quality",
    "issueCredit": "finance",
    "adjustInventory": "warehouse supervisor",
    # Subscription
    "orderTimeline": "all",
    "orderStatusChanged": "all",
    "returnStatusChanged": "all",
    "shipmentMilestones": "all",
    "caseUpdated": "all",
    "commandStatusChanged": "house",
}
"""Who may ask a root field at all."""
