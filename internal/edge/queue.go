package edge

// queue holds waiting visits, the oldest first. Any of them can leave at once.
type queue struct {
	head, tail *visit
	len        int
}

func (q *queue) push(v *visit) {
	v.queued = true
	v.prev, v.next = q.tail, nil
	if q.tail == nil {
		q.head = v
	} else {
		q.tail.next = v
	}
	q.tail = v
	q.len++
}

func (q *queue) remove(v *visit) {
	if v.prev == nil {
		q.head = v.next
	} else {
		v.prev.next = v.next
	}
	if v.next == nil {
		q.tail = v.prev
	} else {
		v.next.prev = v.prev
	}
	v.next, v.prev, v.queued = nil, nil, false
	q.len--
}
