package gate

// queue holds waiting requests, the oldest first. Any of them can leave at once.
type queue struct {
	head, tail *Ticket
	len        int
}

func (q *queue) push(t *Ticket) {
	t.queued = true
	t.prev, t.next = q.tail, nil
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.next = t
	}
	q.tail = t
	q.len++
}

func (q *queue) remove(t *Ticket) {
	if t.prev == nil {
		q.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		q.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev, t.queued = nil, nil, false
	q.len--
}
